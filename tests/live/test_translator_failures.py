"""The inference worker when the model fails, or when it is given up: nothing that was shown is lost."""

from collections.abc import Callable

import numpy as np
import pytest

from s2t2_live.errors import AudioError
from s2t2_live.live.events import Error, Final, Gap, Partial
from s2t2_live.live.jobs import Segment
from s2t2_live.live.policy import PolicySettings
from tests.live.translators import RATE, Bench, Gate, failing


def test_a_failed_look_is_told_once_and_the_final_comes(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)

    def fail(length: int) -> None:
        if length in (16_000, 24_000):
            raise RuntimeError("out of memory")

    it.model.before = fail
    it.translator.start()
    it.segment(2.2)
    it.drain()
    (error,) = it.of(Error)
    assert "out of memory" in error.message
    assert not error.fatal
    assert [event.end for event in it.of(Partial)] == [0.5, 2.0]
    assert it.of(Final)[0].text == "w1 w2 w3 w4."
    assert it.error is None


@pytest.mark.parametrize(("failures", "text"), [(1, "w1 w2."), (2, "w1")])
def test_a_failed_final_is_tried_once_more(bench: Callable[..., Bench], failures: int, text: str) -> None:
    it = bench(live=False)
    left = [failures]

    def fail(length: int) -> None:
        if length == 19_200 and left[0]:
            left[0] -= 1
            raise RuntimeError("broken")

    it.model.before = fail
    it.translator.start()
    it.segment(1.2)
    it.segment(1.0)
    it.drain()
    first, second = it.of(Final)
    assert first.text == text, "what is committed is never taken back"
    assert second.text == "w1 w2."
    assert len(it.of(Error)) == 1
    gaps = it.of(Gap)
    assert [(gap.start, gap.end) for gap in gaps] == ([(1.0, 1.2)] if failures == 2 else []), "behind what is shown"
    assert (first.confidence is None) == (failures == 2)


def test_abort_drops_what_waits_and_says_how_much(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    gate = it.model.before = Gate()
    it.translator.start()
    it.hear(1.0)
    it.segment(2.0)
    it.segment(2.0)
    assert gate.reached.wait(30)
    assert it.translator.abort() == (1.0, 5.0)
    gate.open()
    assert it.ended.wait(30)
    assert it.of(Final) == []
    assert it.translator.abort() is None


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("live", [True, False])
def test_abort_keeps_the_committed_words(bench: Callable[..., Bench], ended: bool, live: bool) -> None:
    """Of the segment whose final, or next look, is under way; nothing of the one that nobody has seen."""
    it = bench(live=live)
    it.translator.start()
    it.hear(1.0)
    it.start_segment()
    it.speak(1.2)
    it.until(Partial, 2)
    it.until_idle()
    gate = it.model.before = Gate()
    if ended:
        it.end_segment(cut=0.1)
    else:
        it.speak(0.4)
    assert gate.reached.wait(30)
    if ended:
        it.segment(0.2)
    it.clock = it.position / RATE + 1
    before = it.position
    assert it.translator.abort() == (1.0, before / RATE)
    (final,) = it.of(Final)
    assert (final.segment, final.start, final.text, final.confidence) == (1, 1.0, "w1", None)
    assert final.end == pytest.approx(2.1 if ended else 2.6)
    assert final.lag == pytest.approx((1.0 if live else 0.0) + before / RATE - final.end)
    assert not final.revised
    gate.open()
    assert it.ended.wait(30)
    assert it.of(Final) == [final], "the one that was under way is dropped"
    assert len(it.of(Partial)) == 2


def test_after_a_failure_of_the_gpu_the_cpu_goes_on(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.model.device = "cuda"

    def fail(length: int) -> None:
        if it.model.device == "cuda" and length == 19_200:
            raise RuntimeError("CUDA out of memory")

    it.model.before = fail
    it.translator.start()
    it.segment(1.2)
    it.segment(1.2)
    it.drain()
    assert [event.text for event in it.of(Final)] == ["w1 w2.", "w1 w2."]
    assert it.of(Gap) == []
    first, second = it.of(Error)
    assert "CUDA out of memory" in first.message
    assert "goes on on the CPU" in second.message
    assert not second.fatal


def test_audio_that_cannot_be_read_back_is_no_fault_of_the_gpu(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    it.model.device = "cuda"
    held = it.translator._queue.audio
    failing = iter([True, True])

    def audio(segment: Segment, length: int) -> np.ndarray:
        if next(failing, False):
            raise AudioError("waiting audio cannot be read back from disk")
        return held(segment, length)

    monkeypatch.setattr(it.translator._queue, "audio", audio)
    it.translator.start()
    it.segment(1.2)
    it.segment(1.2)
    it.drain()
    assert [event.text for event in it.of(Final)] == ["", "w1 w2."]
    assert it.model.device == "cuda"
    (error,) = it.of(Error)
    assert "cannot be read back" in error.message
    assert len(it.of(Gap)) == 1


def test_a_gpu_that_does_not_give_the_model_back(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False)
    it.model.device = "cuda"
    monkeypatch.setattr(it.model, "to_cpu", lambda: 1 / 0)
    it.model.before = failing(lambda length: length == 19_200)
    it.translator.start()
    it.segment(1.2)
    it.segment(1.0)
    it.drain()
    assert [event.text for event in it.of(Final)] == ["w1", "w1 w2."]
    assert len(it.of(Error)) == len(it.of(Gap)) == 1
