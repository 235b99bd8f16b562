"""BLEU against values worked out by hand."""

from __future__ import annotations

import sys
from math import exp

import pytest

from s2t2_live.errors import UsageError
from s2t2_live.evaluation.bleu import corpus_bleu


def test_the_reference_itself_scores_100() -> None:
    assert corpus_bleu(["Ich habe einen Hund."], ["Ich habe einen Hund."]).score == pytest.approx(100)


def test_a_known_score() -> None:
    # All n-grams match; the brevity penalty of 5 tokens for 7 remains.
    score = corpus_bleu(["a b c d e"], ["a b c d e f g"]).score
    assert score == pytest.approx(100 * exp(1 - 7 / 5))


def test_a_known_score_with_a_wrong_word() -> None:
    # 5 of 6, 3 of 5, 2 of 4, 1 of 3 n-grams match.
    score = corpus_bleu(["a b c d x f"], ["a b c d e f"]).score
    assert score == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)


def test_the_signature_names_the_tool() -> None:
    assert "version:" in corpus_bleu(["a"], ["a"]).signature


def test_the_numbers_must_match() -> None:
    with pytest.raises(ValueError, match="2 hypotheses, but 1 references"):
        corpus_bleu(["a", "b"], ["a"])


def test_without_sacrebleu_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(UsageError, match="sacrebleu, which is not installed"):
        corpus_bleu(["a"], ["a"])
