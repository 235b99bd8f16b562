"""How a session ends: stopped, given up, or because a source, the model or a sink has failed."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import OutputError, RecordingError
from s2t2_live.live import session as session_module
from s2t2_live.live.events import (
    Error,
    Event,
    Final,
    Gap,
    Partial,
    SpeechEnded,
    SpeechStarted,
    Summary,
)
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.session import EngineSettings, Session
from tests.live.sessions import Collector, GuessingModel, ListSource, check_invariants, run, silence, speech, started


def test_stop_drains_what_was_heard() -> None:
    held: list[Session] = []
    source = ListSource([silence(0.5), speech(3.0), lambda: held[0].stop(), *[speech(5.0)] * 100])
    sink = Collector()
    session = Session(source, GuessingModel(lambda call: time.sleep(0.01)), settings=EngineSettings(), sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60)
    check_invariants(sink, source.position / SAMPLE_RATE)
    assert sink.of(SpeechEnded)[-1].reason == "stop"
    assert source.position < 500 * SAMPLE_RATE
    assert session.error is None


def test_stop_twice_and_before_the_start() -> None:
    sink = Collector()
    session = Session(ListSource([speech(3.0)] * 100), GuessingModel(), settings=EngineSettings(), sinks=[sink])
    session.stop()
    session.stop()
    session.start()
    assert session.wait(60)
    check_invariants(sink, 300.0)


def test_abort_drops_what_waits_and_says_so() -> None:
    gate, busy = threading.Event(), threading.Event()

    def wait(call: int) -> None:
        busy.set()
        gate.wait(30)

    # `abort` leaves a request: the model goes on only when it has been answered.
    sink = Collector(lambda event: gate.set() if isinstance(event, Gap) else None)
    session = started(ListSource([speech(3.0), silence(1.0)] * 50), GuessingModel(wait), sink)
    assert busy.wait(30)
    session.abort()
    session.abort()
    assert session.wait(30)
    assert isinstance(sink.events[-1], Summary)
    (gap,) = sink.of(Gap)
    assert gap.start == 0.0
    assert sink.of(Final) == []


@pytest.mark.parametrize("real_time", [True, False])
def test_a_drain_that_is_cut_short_keeps_the_committed_words(real_time: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks are done, none left out, and the final hangs until the session is given up."""
    monkeypatch.setattr(session_module, "ABORT_TIMEOUT", 0.1)
    gate, hanging = threading.Event(), threading.Event()

    def hang(call: int) -> None:
        if model.beams[-1] > 1:
            hanging.set()
            gate.wait(60)

    model = GuessingModel(hang)
    source = ListSource([speech(4.0), silence(2.0), speech(3.0), silence(2.0)], real_time=real_time)
    sink = Collector()
    no_load = LoadSettings(coalesce=100, finals_only=200, greedy=300, spool=400)
    session = started(source, model, sink, policy=PolicySettings(step=0.4, certainty=0.0), load=no_load)
    assert hanging.wait(60)
    session.stop()
    session.abort()
    assert session.wait(60)
    gate.set()
    (final,) = sink.of(Final)
    committed = [event.committed for event in sink.of(Partial) if event.segment == 1][-1]
    assert committed
    assert (final.segment, final.text, final.confidence, final.revised) == (1, committed, None, False)
    assert [type(event) for event in sink.events[-3:]] == [Final, Gap, Summary]
    assert session.summary is not None
    assert session.summary.segments == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.integers(1, 25), real_time=st.booleans())
def test_no_segment_has_two_finals_whenever_the_session_is_given_up(calls: int, real_time: bool) -> None:
    held: list[Session] = []

    def give_up(call: int) -> None:
        if call == calls:
            held[0].abort()

    source = ListSource([speech(3.0), silence(1.0)] * 4, real_time=real_time)
    sink = Collector()
    session = Session(source, GuessingModel(give_up), settings=EngineSettings(), sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60)
    numbers = [event.segment for event in sink.of(Final)]
    assert numbers == sorted(set(numbers))
    for number in numbers:
        told = [type(event) for event in sink.events if getattr(event, "segment", None) == number]
        assert told[0] is SpeechStarted
        assert told[-1] is Final
    shown = {event.segment: event.committed for event in sink.of(Partial)}
    assert {segment for segment, committed in shown.items() if committed} <= set(numbers)
    for final in sink.of(Final):
        after = sink.events[sink.events.index(final) :]
        assert not any(isinstance(event, Partial) and event.segment == final.segment for event in after)
        assert final.text.startswith(shown.get(final.segment, ""))


def test_abort_does_not_wait_for_a_model_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "ABORT_TIMEOUT", 0.1)
    gate, busy = threading.Event(), threading.Event()

    def hang(call: int) -> None:
        busy.set()
        gate.wait(60)

    sink = Collector()
    session = started(ListSource([speech(3.0), silence(1.0)]), GuessingModel(hang), sink)
    assert busy.wait(30)
    session.stop()
    session.abort()
    assert session.wait(30)
    gate.set()
    assert isinstance(sink.events[-1], Summary)


def test_the_summary_of_an_abort_waits_for_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gave the session up may be gone before the model returns."""
    monkeypatch.setattr(session_module, "ABORT_TIMEOUT", 60.0)
    gate, busy, told = threading.Event(), threading.Event(), threading.Event()

    def hang(call: int) -> None:
        busy.set()
        gate.wait(60)

    sink = Collector(lambda event: told.set() if isinstance(event, Summary) else None)
    session = started(ListSource([speech(3.0), silence(1.0)]), GuessingModel(hang), sink)
    assert busy.wait(30)
    session.abort()
    assert told.wait(30)
    assert not session.wait(0), "the model has its time all the same"
    gate.set()
    assert session.wait(30)
    assert isinstance(sink.events[-1], Summary)


def test_a_source_that_does_not_stop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "STOP_TIMEOUT", 0.1)
    gate, stalled = threading.Event(), threading.Event()

    def stall() -> None:
        stalled.set()
        gate.wait(60)

    sink = Collector()
    source = ListSource([speech(2.0), silence(1.0), speech(1.0), stall, speech(1.0)], real_time=True)
    session = started(source, GuessingModel(), sink)
    assert stalled.wait(30)
    session.stop()
    assert session.wait(30)
    assert "did not stop" in str(session.error)
    assert sink.of(Error)[-1].fatal
    check_invariants(sink, 4.0)
    assert [event.reason for event in sink.of(SpeechEnded)] == ["pause", "stop"], "what was heard is translated"
    count = len(sink.events)
    gate.set()
    assert len(sink.events) == count


def test_a_source_that_fails_ends_the_session_after_what_was_heard() -> None:
    session, sink = run(ListSource([speech(2.0), RecordingError("talk.flac is damaged.")]))
    assert isinstance(session.error, RecordingError)
    (error,) = sink.of(Error)
    assert (error.message, error.fatal) == ("talk.flac is damaged.", True)
    check_invariants(sink, 2.0)
    assert len(sink.of(Final)) == 1


def test_a_programming_error_in_the_source_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    session, sink = run(ListSource([speech(2.0), KeyError("index")]))
    assert isinstance(session.error, KeyError)
    assert sink.of(Error)[0].message == "KeyError: 'index'"
    assert "the session failed" in caplog.text
    check_invariants(sink, 2.0)


def test_a_model_that_always_fails_ends_nothing() -> None:
    def fail(call: int) -> None:
        raise RuntimeError("out of memory")

    session, sink = run(ListSource([speech(2.0), silence(1.0)] * 3), GuessingModel(fail))
    check_invariants(sink, 9.0)
    assert [event.text for event in sink.of(Final)] == ["", "", ""]
    assert len(sink.of(Error)) == len(sink.of(Gap)) == 3
    assert not any(event.fatal for event in sink.of(Error))
    assert session.error is None


def test_a_sink_that_fails_leaves_the_others() -> None:
    def fail(event: Event) -> None:
        if isinstance(event, Final):
            raise OutputError("talk.srt cannot be written.")

    broken, whole = Collector(fail), Collector()
    session = Session(
        ListSource([speech(2.0), silence(1.0)] * 2), GuessingModel(), settings=EngineSettings(), sinks=[broken, whole]
    )
    session.start()
    assert session.wait(60)
    assert isinstance(session.error, OutputError)
    check_invariants(whole, 6.0)
    assert len(broken.of(Final)) == 1
    assert [(error.message, error.fatal) for error in whole.of(Error)] == [("talk.srt cannot be written.", False)]


def test_without_sinks_left_the_session_ends() -> None:
    def fail(event: Event) -> None:
        raise BrokenPipeError

    source = ListSource([speech(2.0), silence(1.0)] * 1_000)
    session = started(source, GuessingModel(lambda call: time.sleep(0.01)), Collector(fail))
    assert session.wait(60)
    assert isinstance(session.error, BrokenPipeError)
    assert source.stopped.is_set()


def test_a_sink_may_stop_the_session() -> None:
    held: list[Session] = []
    sink = Collector(lambda event: held[0].stop() if isinstance(event, Final) else None)
    session = Session(
        ListSource([speech(2.0), silence(1.0)] * 200), GuessingModel(), settings=EngineSettings(), sinks=[sink]
    )
    held.append(session)
    session.start()
    assert session.wait(60)
    check_invariants(sink, 600.0)
    assert len(sink.of(Final)) < 200
