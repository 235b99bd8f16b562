"""Lag, flicker and speed, against cases counted by hand."""

import pytest

from s2t2_live.live.events import Final, Partial
from s2t2_live.live.measures import Measures, erased, words


def partial(committed: str, tentative: str, segment: int = 1) -> Partial:
    return Partial(segment, 0.0, 1.0, committed, tentative, compute=0.1)


def final(text: str, segment: int = 1, lag: float = 0.5) -> Final:
    return Final(segment, 0.0, 2.0, text, compute=0.2, lag=lag)


def test_punctuation_is_a_word_of_its_own() -> None:
    assert words("Ich gehe, heute.") == ["Ich", "gehe", ",", "heute", "."]


@pytest.mark.parametrize(
    ("shown", "instead", "count"),
    [
        ("", "a b", 0),
        ("a b", "a b c", 0),
        ("a b c", "a x c", 2),
        ("a b.", "a b, c", 1),
        ("Haus", "Haus.", 0),
        ("a b c", "", 3),
    ],
)
def test_erased_words(shown: str, instead: str, count: int) -> None:
    assert erased(shown, instead) == count


def test_normalized_erasure_by_hand() -> None:
    measures = Measures()
    events = [
        partial("", "a b"),
        partial("a", "c"),  # b is taken back
        partial("a c", ""),
        partial("x", "", segment=2),
        final("a d e"),  # c is taken back
        final("x", segment=2),
    ]
    for event in events:
        measures.observe(event)
    assert measures.summary(4.0).normalized_erasure == pytest.approx(2 / 4)


def test_the_summary_of_a_session() -> None:
    measures = Measures()
    for segment, lag in enumerate([0.2, 0.4, 0.6, 1.0], start=1):
        measures.observe(partial("", "a", segment))
        measures.observe(final("a", segment, lag))
    summary = measures.summary(10.0)
    assert (summary.audio, summary.segments) == (10.0, 4)
    assert summary.real_time_factor == pytest.approx(4 * 0.3 / 10)
    assert summary.latency["median"] == pytest.approx(0.5)
    assert summary.latency["p95"] == pytest.approx(0.94)
    assert summary.normalized_erasure == 0.0


def test_a_session_without_speech() -> None:
    summary = Measures().summary(0.0)
    assert summary.latency == {"median": None, "p95": None}
    assert (summary.segments, summary.real_time_factor, summary.normalized_erasure) == (0, 0.0, 0.0)
