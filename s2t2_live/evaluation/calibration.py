"""Calibrates the confidence of a checkpoint: `python -m s2t2_live.evaluation.calibration FOLDER`.

Held-out phrases that the model translates right are told from sentences of far topics, both spoken by voices that it
was trained on, by a logistic regression on the evidence of one decoding (Platt 1999); phrases that it translates wrong
count a little on the side of the far ones. The bias is moved so that a confidence of 0.5 is the threshold. The fit
uses neither the reserved voices, nor the sentences of `far.tsv` for measuring, nor real speech; but which evidence to
use, and the quantile that places the threshold, were chosen with a look at some of them. Agreement of the beams,
the margin to the second beam, a decoding without audio and the distance of the encoder's states from those of known
sentences were tried: they told less, or cost more, than what is used here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.cli import INTERRUPTED
from s2t2_live.errors import S2T2Error, refusal
from s2t2_live.evaluation.bleu import corpus_chrf
from s2t2_live.evaluation.logistic import area_under_curve, fit_logistic
from s2t2_live.evaluation.speech_sets import far_sentences, held_out_phrases, known_sentences, speak_set, spread
from s2t2_live.live.confidence import CONFIDENCE_FILE
from s2t2_live.live.guards import token_budget
from s2t2_live.live.hypothesis import Evidence
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.speech2text2.hub import resolve_model_folder
from s2t2_live.training.amounts import count
from s2t2_live.training.phrase_book import PhraseBook
from s2t2_live.training.shards import SpeechShards

USED = ("mean", "entropy", "focus")
"""The evidence that the confidence is made of."""
RIGHT = 80.0
"""chrF from which on a translation counts as right."""
WRONG_SHARE = 0.3
"""How much a wrong translation of a held-out phrase counts, beside a far sentence."""
FAR_BELOW, RIGHT_BELOW = 0.93, 0.04
"""The threshold is where this share of the far sentences is below it, if no more than that of the right ones is."""
MEASURED = 200
"""Held-out phrases that are kept for measuring."""
VOICES = 4
"""That each far sentence is spoken by."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One utterance that was decoded."""

    evidence: Evidence
    kind: Literal["right", "wrong", "far"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Calibrate and report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.evaluation.calibration", description=__doc__)
    parser.add_argument("folder", help="the checkpoint, or its name; it gets a confidence.json")
    parser.add_argument("--cache", type=Path, default=Path(".work/quality"), help="of speech (default: %(default)s)")
    parser.add_argument("--speech", type=Path, default=Path(".work/speech"), help="what training heard, to leave out")
    parser.add_argument("--phrases", type=count, default=300, help="held-out phrases (default: %(default)s)")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="processes, threads")
    options = parser.parse_args(arguments)
    try:
        folder = resolve_model_folder(options.folder, local_files_only=True)
        calibrate(folder, options.cache, options.speech, phrases=options.phrases, workers=options.workers)
    except S2T2Error as error:
        print(f"calibration: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"calibration: {refusal(error)}", file=sys.stderr)
        return S2T2Error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def calibrate(folder: Path, cache: Path, speech: Path, *, phrases: int, workers: int) -> None:
    """Write the folder's calibration and print what each piece of evidence tells."""
    book = PhraseBook.load(asset("phrase_book"))
    known = held_out_phrases(book, phrases, known=known_sentences(speech), skip=MEASURED)
    near = speak_set(cache, "fit-near", spread(known), workers=workers)
    far = speak_set(cache, "fit-far", spread(far_sentences("fit"), copies=VOICES), workers=workers)
    model = SpeechTranslationModel.load(str(folder), device="cpu", precision="fp32", threads=workers, offline=True)
    judged = [*judge(model, near, "held-out phrases"), *judge(model, far, "far topics")]
    body = fit(judged)
    print(report(judged, body))
    (folder / CONFIDENCE_FILE).write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def judge(model: SpeechTranslationModel, speech: SpeechShards, label: str) -> list[Judged]:
    """Decode all of it as the engine decodes finals; what has no reference is far."""
    found: list[Judged] = []
    for index, example in enumerate(tqdm(speech.examples, desc=label, unit="phrase")):
        samples = speech.audio(index)
        said = model.translate(samples, (), beam_size=5, max_tokens=token_budget(len(samples) / SAMPLE_RATE))
        if said.evidence is None:
            continue
        if not example.german:
            found.append(Judged(said.evidence, "far"))
        else:
            right = is_right(model.text(said.tokens), example.german)
            found.append(Judged(said.evidence, "right" if right else "wrong"))
    return found


def is_right(said: str, reference: str) -> bool:
    """Whether the translation is the reference or all but the same."""
    return said == reference or corpus_chrf([said], [reference]).score >= RIGHT


def fit(judged: Sequence[Judged]) -> dict[str, object]:
    """The calibration as `Calibration.load` reads it. Raises S2T2Error without any right or any far one."""
    kinds = np.array([one.kind for one in judged])
    if not {"right", "far"} <= set(kinds):
        raise S2T2Error(f"Of {len(judged)} phrases none was right, or none was far: there is nothing to fit.")
    table = np.array([[asdict(one.evidence)[name] for name in USED] for one in judged])
    importance = np.where(kinds == "wrong", WRONG_SHARE, 1.0)
    found = fit_logistic(table, (kinds == "right").astype(float), importance)
    log_odds = found.log_odds(table)
    threshold = min(
        np.quantile(log_odds[kinds == "far"], FAR_BELOW), np.quantile(log_odds[kinds == "right"], RIGHT_BELOW)
    )
    weights = {name: round(float(weight), 6) for name, weight in zip(USED, found.weights, strict=True)}
    return {"weights": weights, "bias": round(float(found.bias - threshold), 6)}


def report(judged: Sequence[Judged], body: dict[str, object]) -> str:
    """A table of what each piece of evidence tells about the phrases that the calibration was fitted to."""
    kinds = np.array([one.kind for one in judged])
    scores: dict[str, NDArray[np.float64]] = {
        field.name: np.array([getattr(one.evidence, field.name) for one in judged]) for field in fields(Evidence)
    }
    weights = body["weights"]
    assert isinstance(weights, dict)
    scores["confidence"] = np.asarray(sum(weight * scores[name] for name, weight in weights.items()), dtype=np.float64)
    counts = ", ".join(f"{(kinds == kind).sum()} {kind}" for kind in ("right", "wrong", "far"))
    lines = [f"{counts}; area under the ROC curve, and the share below the value that 5 % of the right ones are below"]
    lines += [f"{'':12}{'far':>8}{'wrong':>8}{'far below':>12}{'wrong below':>13}"]
    for name, score in scores.items():
        right, wrong, far = (score[kinds == kind] for kind in ("right", "wrong", "far"))
        if area_under_curve(right, far) < 0.5:
            right, wrong, far = -right, -wrong, -far
        least = np.quantile(right, 0.05)
        lines.append(
            f"{name:12}{area_under_curve(right, far):8.3f}"
            + (f"{area_under_curve(right, wrong):8.3f}" if len(wrong) else f"{'-':>8}")
            + f"{100 * (far < least).mean():10.1f} %"
            + (f"{100 * (wrong < least).mean():11.1f} %" if len(wrong) else f"{'-':>13}")
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
