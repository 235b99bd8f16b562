"""Drafts of the final, made in a pause: used only if nothing has changed."""

from collections.abc import Callable

import numpy as np
import pytest

from s2t2_live.audio.chunk import AudioChunk
from s2t2_live.audio.segmenter import SegmentAudio
from s2t2_live.live.events import Error, Final
from s2t2_live.live.policy import PolicySettings
from tests.live.translators import RATE, Bench, failing


def test_a_pause_is_used_for_a_draft_of_the_final(bench: Callable[..., Bench]) -> None:
    """The same final as without, and nothing left to compute when the pause has ended the segment."""
    live, fast = bench(live=True), bench(live=False)
    for it in (live, fast):

        def work(length: int, it: Bench = it) -> None:
            it.compute += 0.3

        it.model.before = work
        it.translator.start()
        it.start_segment()
        it.speak(1.2)
        it.until_idle()
        it.hear(0.05)
        it.until_idle()
        assert len(it.model.calls) == 2, "that is no pause yet"
        it.hear(0.1)
        it.until_idle()
        assert len(it.model.calls) == (3 if it is live else 2)
        it.hear(0.25)
        it.clock = 1.6
        it.end_segment(cut=0.4)
        it.until(Final, 1)
    assert live.model.calls == fast.model.calls
    (drafted,), (plain,) = live.of(Final), fast.of(Final)
    assert (drafted.text, drafted.confidence) == (plain.text, plain.confidence)
    assert drafted.compute == pytest.approx(0.3), "the draft was work too"
    assert drafted.lag == pytest.approx(0.4)
    assert plain.lag == pytest.approx(0.7)


def test_a_draft_of_what_went_on_is_dropped(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.translator.start()
    it.start_segment()
    it.speak(1.2)
    it.hear(0.2)
    it.until_idle()
    it.translator.put(SegmentAudio(1, AudioChunk(np.zeros(round(0.4 * RATE), np.float32), round(1.2 * RATE)), 0))
    it.hear(0.2)
    it.end_segment()
    it.until(Final, 1)
    assert [(length, beam) for length, _, beam in it.model.calls if beam == 5] == [(19_200, 5), (25_600, 5)]
    assert it.of(Final)[0].text == "w1 w2 w3."


@pytest.mark.parametrize("went_on", [True, False])
def test_a_draft_that_comes_too_late_is_not_begun(bench: Callable[..., Bench], went_on: bool) -> None:
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    it.start_segment()
    it.speak(1.2)
    it.hear(0.2)
    if went_on:
        it.translator.put(SegmentAudio(1, AudioChunk(np.zeros(3_200, np.float32), it.position - 3_200), 0))
    it.end_segment(cut=0.0 if went_on else 0.2)
    it.translator.start()
    it.drain()
    assert len(it.model.calls) == 1


def test_a_slow_model_makes_no_drafts(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=PolicySettings(name="final-only"))

    def work(length: int) -> None:
        it.compute += 0.6

    it.model.before = work
    it.translator.start()
    for _ in range(2):
        it.start_segment()
        it.speak(1.0)
        it.hear(0.4)
        it.until_idle()
        it.end_segment(cut=0.4)
        it.until_idle()
    assert len(it.model.calls) == 2, "the first one showed how long they take, and the second one was not made"


def test_a_failed_draft_is_no_failure(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    it.model.before = failing(lambda length: len(it.model.calls) == 1)
    it.translator.start()
    it.start_segment()
    it.speak(1.0)
    it.hear(0.4)
    it.until_idle()
    it.end_segment(cut=0.4)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2."
    assert it.of(Error) == []


def test_a_draft_with_another_beam_size_is_no_final(bench: Callable[..., Bench]) -> None:
    policy = PolicySettings(name="final-only")
    it = bench(live=True, policy=policy)
    it.translator.start()
    it.start_segment()
    it.speak(1.2)
    it.hear(0.2)
    it.until_idle()
    it.translator.change(policy, 2)
    it.end_segment(cut=0.2)
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 2]
