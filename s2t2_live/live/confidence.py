"""How likely a translation is right: evidence from the decoding, and a checkpoint's own calibration of it.

A folder with `confidence.json` says how much each piece of evidence weighs, fitted on held-out speech by
`python -m s2t2_live.evaluation.calibration`. Knows no audio and no thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from torch import Tensor

from s2t2_live.errors import CheckpointError
from s2t2_live.live.hypothesis import Evidence
from s2t2_live.speech2text2.json_files import read_object

CONFIDENCE_FILE = "confidence.json"


def evidence(logits: Tensor, chosen: Tensor, attention: Tensor, seconds: float) -> Evidence:
    """What one decoding says about how sure the model was.

    Args:
        logits: the decoder's predictions, (tokens, vocabulary).
        chosen: the tokens that were taken, (tokens,).
        attention: of each token to the audio, (heads of all layers, tokens, frames).
        seconds: length of the audio.
    """
    predicted = logits.log_softmax(-1)
    scores = predicted.gather(1, chosen[:, None])[:, 0]
    best = predicted.topk(2, -1).values
    return Evidence(
        mean=float(scores.mean()),
        least=float(scores.min()),
        entropy=float(-(predicted.exp() * predicted).sum(-1).mean()),
        margin=float((best[:, 0] - best[:, 1]).mean()),
        focus=float(attention.mean(0).amax(-1).mean()),
        rate=len(chosen) / seconds,
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log-odds that a translation is right, linear in the evidence; a confidence of 0.5 is the threshold."""

    weights: Mapping[str, float]
    """By the name of the evidence; what is missing does not count."""
    bias: float

    @classmethod
    def load(cls, folder: Path) -> Calibration | None:
        """The calibration of a checkpoint's folder, if it has one. Raises CheckpointError for a broken file."""
        path = folder / CONFIDENCE_FILE
        if not path.is_file():
            return None
        body = read_object(path)
        try:
            weights = {str(name): float(weight) for name, weight in body["weights"].items()}
            bias = float(body["bias"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} must hold numbers as `weights` and `bias`; calibrate anew.") from error
        unknown = weights.keys() - {field.name for field in fields(Evidence)}
        if unknown or not math.isfinite(sum(weights.values()) + bias):
            raise CheckpointError(f"{path} has weights that mean nothing here: {', '.join(unknown) or 'not finite'}.")
        return cls(weights, bias)

    def confidence(self, evidence: Evidence) -> float:
        """0 to 1."""
        found = asdict(evidence)
        log_odds = sum(weight * found[name] for name, weight in self.weights.items()) + self.bias
        return 1 / (1 + math.exp(-min(max(log_odds, -50.0), 50.0)))
