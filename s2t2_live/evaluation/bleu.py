"""BLEU and chrF as others compute them, by sacrebleu. Knows nothing of where the texts come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from s2t2_live.errors import UsageError


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score from 0 to 100, and the signature under which others can compare with it."""

    score: float
    signature: str
    spread: float | None = None
    """Half the width of the 95 % interval, where it was asked for."""


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str], *, resamples: int = 1) -> Score:
    """BLEU of the hypotheses, one reference each (Papineni et al. 2002; Post 2018, arXiv 1804.08771).

    `resamples` above 1 estimates the interval by as many bootstrap samples (Koehn 2004), always the same ones.

    Raises UsageError if sacrebleu is not installed, ValueError if the two are not of one length.
    """
    return _corpus_score("BLEU", hypotheses, references, resamples)


def corpus_chrf(hypotheses: Sequence[str], references: Sequence[str], *, resamples: int = 1) -> Score:
    """chrF of the hypotheses, one reference each (Popović 2015, W15-3049); otherwise as `corpus_bleu`."""
    return _corpus_score("CHRF", hypotheses, references, resamples)


def _corpus_score(
    name: Literal["BLEU", "CHRF"], hypotheses: Sequence[str], references: Sequence[str], resamples: int
) -> Score:
    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses, but {len(references)} references")
    try:
        from sacrebleu import metrics
    except ImportError as error:
        raise UsageError(f"{name} needs sacrebleu, which is not installed: pip install sacrebleu.") from error
    metric: Any = getattr(metrics, name)()
    score = metric.corpus_score(list(hypotheses), [list(references)], n_bootstrap=resamples)
    signature = str(metric.get_signature())
    found = json.loads(score.format(width=4, signature=signature, is_json=True))
    return Score(score.score, signature, found.get("confidence_var"))
