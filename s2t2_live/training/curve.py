"""The learning curve of a run as a plot. Knows nothing but the history file."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def plot_history(history: Path, target: Path) -> None:
    """Draw BLEU, exact matches, token accuracy and CTC loss over the hours of audio heard.

    Without matplotlib there is a sentence in place of the plot: the training is done, and its history is written.
    """
    try:
        import matplotlib
    except ImportError:
        print(f"{target} is not drawn, which needs matplotlib: pip install it, then run this again.", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    heard = [line["heard"] for line in lines]
    figure, (scores, loss) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for key, label in (("bleu", "BLEU"), ("exact", "exact, %"), ("token_accuracy", "token accuracy, %")):
        scores.plot(heard, [line[key] for line in lines], marker="o", label=label)
    scores.set(xlabel="hours of audio heard", ylim=(0, 100), title="evaluation set")
    scores.legend()
    loss.plot(heard, [line["validation_ctc"] for line in lines], marker="o")
    loss.set(xlabel="hours of audio heard", ylim=(0, None), title="CTC loss a character")
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
