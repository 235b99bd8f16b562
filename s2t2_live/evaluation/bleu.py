"""BLEU as others compute it, by sacrebleu. Knows nothing of where the texts come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s2t2_live.errors import UsageError


@dataclass(frozen=True, slots=True)
class Bleu:
    """A corpus score from 0 to 100, and the signature under which others can compare with it."""

    score: float
    signature: str


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str]) -> Bleu:
    """BLEU of the hypotheses, one reference each (Papineni et al. 2002; Post 2018, arXiv 1804.08771).

    Raises UsageError if sacrebleu is not installed, ValueError if the two are not of one length.
    """
    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses, but {len(references)} references")
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise UsageError("BLEU needs sacrebleu, which is not installed: pip install sacrebleu.") from error
    metric = BLEU()
    score = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Bleu(score, str(metric.get_signature()))
