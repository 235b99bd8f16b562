"""Drafts of the final, made in a lull: used only if nothing has changed, shown if the sentence seems to be over."""

from collections.abc import Callable

import pytest

from s2t2_live.live.events import Error, Final, Partial
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from tests.live.translators import FULL_STOP, Bench, failing

FINAL_ONLY = PolicySettings(name="final-only")


@pytest.mark.parametrize("live", [True, False])
def test_the_draft_of_a_lull_is_the_final_when_the_segment_ends_there(bench: Callable[..., Bench], live: bool) -> None:
    it = bench(live=live)

    def work(length: int) -> None:
        it.compute += 0.3

    it.model.before = work
    it.speak_to_lull(1.2)
    assert it.model.calls == [(8_000, (), 1), (16_000, (), 1), (19_200, (1,), 5)]
    it.hear(0.2)
    it.clock = 1.6
    it.end_segment(cut=0.2)
    it.until(Final, 1)
    assert len(it.model.calls) == 3
    (final,) = it.of(Final)
    assert final.text == "w1 w2."
    assert sum(event.compute for event in (*it.of(Partial), final)) == pytest.approx(0.9), "no work is told twice"
    # Live, the clock says it; without one, the work is added to the 0.2 s that it took to hear the end.
    assert final.lag == pytest.approx(0.4 if live else 0.5)


def test_in_a_lull_a_sentence_that_is_over_is_shown_for_good_but_for_its_full_stop(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.speak_to_lull(1.2)
    shown = [(partial.committed, partial.tentative) for partial in it.of(Partial)]
    assert shown[-2:] == [("w1", "w2."), ("w1 w2", ".")]
    it.hear(0.2)
    it.end_segment(cut=0.2)
    it.drain()
    assert not it.of(Final)[0].revised


def test_the_captions_of_a_recording_do_not_depend_on_how_late_a_draft_is(bench: Callable[..., Bench]) -> None:
    """A segment that has ended before the model gets to its lull."""
    it = bench(live=False)
    it.start_segment()
    it.speak(1.2)
    it.lull()
    it.hear(0.2)
    it.end_segment(cut=0.2)
    it.translator.start()
    it.drain()
    shown = [(partial.committed, partial.tentative) for partial in it.of(Partial)]
    assert shown[-2:] == [("w1", "w2."), ("w1 w2", ".")]


OVER = Hypothesis((1, 2, 3, FULL_STOP), complete=True, log_probabilities=(-0.1, -0.6, -0.8, -0.1, -0.1))


@pytest.mark.parametrize(
    ("says", "certainty", "settled", "committed"),
    [
        (OVER, 0.7, True, "w1"),
        (OVER, 0.5, True, "w1 w2"),
        (OVER, 0.4, True, "w1 w2 w3"),
        (OVER, 0.7, False, ""),
        (Hypothesis((1, 2, 3), complete=True, log_probabilities=(-0.1, -0.1, -0.1, -0.1)), 0.7, True, ""),
        (Hypothesis((1, 2, FULL_STOP), complete=False, log_probabilities=(-0.1, -0.1, -0.1)), 0.7, True, ""),
        (Hypothesis((1, 2, FULL_STOP), complete=True, log_probabilities=()), 0.7, True, "w1 w2"),
        (Hypothesis((1, 1, 1, 1, 1, 1, FULL_STOP), complete=True, log_probabilities=(-0.1,) * 8), 0.7, True, ""),
    ],
    ids=[
        "sure of one",
        "a lower threshold",
        "a much lower one",
        "not settled",
        "no full stop",
        "capped",
        "no probabilities",
        "a loop",
    ],
)
def test_what_is_shown_for_good_in_a_lull(
    bench: Callable[..., Bench], says: Hypothesis, certainty: float, settled: bool, committed: str
) -> None:
    """Words that are as sure as those of a look must be, if the model has ended the sentence."""
    it = bench(live=True, policy=PolicySettings(step=2.0, certainty=certainty))
    it.model.says = says
    it.speak_to_lull(1.2, settled=settled)
    assert [partial.committed for partial in it.of(Partial)] == ([committed] if committed else [])


def test_a_policy_that_shows_nothing_before_the_end_shows_nothing_in_a_lull(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=FINAL_ONLY)
    it.speak_to_lull(1.2)
    assert len(it.model.calls) == 1
    assert it.of(Partial) == []


def test_without_a_clock_and_without_partials_nobody_gains_by_a_draft(bench: Callable[..., Bench]) -> None:
    it = bench(live=False, policy=FINAL_ONLY)
    it.speak_to_lull(1.2)
    assert it.model.calls == []


def test_when_speech_goes_on_the_final_goes_on_from_what_was_shown(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.speak_to_lull(1.2)
    it.speak(0.2)
    it.end_segment()
    it.drain()
    assert it.model.calls[-1] == (22_400, (1, 2), 5)
    assert it.of(Final)[0].text == "w1 w2."


@pytest.mark.parametrize("went_on", [True, False])
def test_a_draft_that_comes_too_late_is_not_begun(bench: Callable[..., Bench], went_on: bool) -> None:
    it = bench(live=True, policy=FINAL_ONLY)
    it.start_segment()
    it.speak(1.2)
    it.lull()
    it.hear(0.2)
    if went_on:
        it.speak(0.2)
    it.end_segment(cut=0.0 if went_on else 0.2)
    it.translator.start()
    it.drain()
    assert len(it.model.calls) == 1


def test_a_slow_model_makes_no_drafts(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=FINAL_ONLY)

    def work(length: int) -> None:
        it.compute += 0.6

    it.model.before = work
    it.translator.start()
    for _ in range(2):
        it.start_segment()
        it.speak(1.0)
        it.lull()
        it.until_idle()
        it.hear(0.2)
        it.end_segment(cut=0.2)
        it.until_idle()
    assert len(it.model.calls) == 2, "the first one showed how long they take, and the second one was not made"


def test_under_load_there_are_no_drafts(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=FINAL_ONLY, load=LoadSettings(coalesce=0.5))
    it.start_segment()
    it.speak(1.0)
    it.lull()
    it.hear(1.0)
    it.translator.start()
    it.until_idle()
    assert it.model.calls == []


def test_a_failed_draft_is_no_failure(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=FINAL_ONLY)
    it.model.before = failing(lambda length: len(it.model.calls) == 1)
    it.speak_to_lull(1.0)
    it.hear(0.2)
    it.end_segment(cut=0.2)
    it.drain()
    assert len(it.model.calls) == 2
    assert it.of(Final)[0].text == "w1 w2."
    assert it.of(Error) == []


def test_a_draft_with_another_beam_size_is_no_final(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=FINAL_ONLY)
    it.speak_to_lull(1.2)
    it.translator.change(FINAL_ONLY, 2)
    it.hear(0.2)
    it.end_segment(cut=0.2)
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 2]
