"""BLEU against values worked out by hand."""

from __future__ import annotations

import sys
from math import exp

import pytest

from s2t2_live.errors import UsageError
from s2t2_live.evaluation.bleu import corpus_bleu, corpus_chrf


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


def test_chrf_of_a_known_pair() -> None:
    # Without white space "abcd" and "abce" share 3 of 4 characters, 2 of 3 pairs, 1 of 2 triples, none of the 4-grams.
    assert corpus_chrf(["ab cd"], ["ab ce"]).score == pytest.approx(100 * (3 / 4 + 2 / 3 + 1 / 2 + 0) / 4)
    assert corpus_chrf(["ab cd"], ["ab cd"]).score == pytest.approx(100)
    assert "nc:6" in corpus_chrf(["a"], ["a"]).signature


def test_the_interval_is_repeatable_and_shrinks_with_more_sentences() -> None:
    said, meant = ["a b c d x f", "a b c d e f", "x y z a b c"], ["a b c d e f", "a b c d e f", "x y z a b d"]
    few = corpus_bleu(said * 3, meant * 3, resamples=200)
    many = corpus_bleu(said * 30, meant * 30, resamples=200)
    assert few.spread is not None
    assert many.spread is not None
    assert few.spread > 2 * many.spread > 0
    assert few == corpus_bleu(said * 3, meant * 3, resamples=200)
    assert corpus_bleu(said, meant).spread is None


def test_the_numbers_must_match() -> None:
    with pytest.raises(ValueError, match="2 hypotheses, but 1 references"):
        corpus_bleu(["a", "b"], ["a"])


def test_without_sacrebleu_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UsageError, match="sacrebleu, which is not installed"):
        corpus_bleu(["a"], ["a"])
