"""A session from source to sinks: what users rely on, whatever the audio, the model and the sinks do."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice
from s2t2_live.audio.level import Level
from s2t2_live.audio.segmenter import SegmenterSettings
from s2t2_live.errors import OutputError, RecordingError, UsageError
from s2t2_live.live import session as session_module
from s2t2_live.live.events import (
    Error,
    Event,
    Final,
    Gap,
    Load,
    Partial,
    SessionStarted,
    SpeechEnded,
    SpeechStarted,
    Summary,
    from_dict,
    to_dict,
)
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import POLICIES, PolicySettings
from s2t2_live.live.session import EngineSettings, Session

EventT = TypeVar("EventT")
PIECES = ["der", "Zug", "fährt", "Bahn@@", "hof", "zum", ",", ".", "?", "heute"]


@dataclass
class GuessingModel:
    """A model at the seam: pieces of words drawn at random from the audio's length, so that looks agree now and then.

    `before` is called with each call's number and may wait or raise.
    """

    before: Callable[[int], None] = lambda call: None
    seed: int = 0
    name: str = "guessing"
    device: str = "cpu"
    precision: str = "fp32"
    heard: list[np.ndarray] = field(default_factory=list)
    """The audio of each call."""
    beams: list[int] = field(default_factory=list)
    """The beam size of each call."""

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        self.heard.append(samples)
        self.beams.append(beam_size)
        self.before(len(self.heard))
        generator = np.random.default_rng([self.seed, len(samples) // 24_000])
        tokens = generator.integers(0, len(PIECES), max(len(samples) // 4_000, len(prefix))).tolist()
        tokens = [*prefix, *tokens[len(prefix) :]][:max_tokens]
        attended = generator.uniform(0, len(samples) / SAMPLE_RATE, len(tokens)).tolist()
        return Hypothesis(tuple(tokens), len(samples) % 3 > 0, log_probabilities=(-0.2,), attended=tuple(attended))

    def text(self, tokens: Sequence[int]) -> str:
        text = " ".join(PIECES[token] for token in tokens).replace("@@ ", "").removesuffix("@@")
        return re.sub(r" ([,.?])", r"\1", text)

    def ends_word(self, token: int) -> bool:
        return not PIECES[token].endswith("@@")

    def is_word(self, token: int) -> bool:
        return PIECES[token] not in ",.?"

    def to_cpu(self) -> None:
        raise AssertionError("it is there already")


def speech(seconds: float) -> np.ndarray:
    """A hummed voice that rises and falls four times a second: speech, to the detector."""
    moments = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * moments + k) / k for k in range(1, 24))
    return np.asarray(0.1 * voice * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * moments)), dtype=np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


@dataclass
class ListSource:
    """A source of audio, gaps, exceptions to raise and functions to call, each in its turn."""

    items: list[Any]
    real_time: bool = False
    block: int = 1_600
    name: str = "list"
    sample_rate: int = SAMPLE_RATE
    duration: float | None = None
    position: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[AudioChunk | AudioGap]:
        for item in self.items:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, AudioGap):
                self.position = item.end
                yield item
            elif isinstance(item, AudioNotice):
                yield item
            elif callable(item):
                item()
            else:
                for offset in range(0, len(item), self.block):
                    if self.stopped.is_set():
                        return
                    chunk = AudioChunk(item[offset : offset + self.block], self.position)
                    self.position = chunk.end
                    yield chunk

    def now(self) -> float:
        return self.position / SAMPLE_RATE

    def stop(self) -> None:
        self.stopped.set()


class Collector:
    """A sink that keeps the events, and calls a function with each."""

    def __init__(self, react: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._react = react

    def handle(self, event: Event) -> None:
        self.events.append(event)
        self._react(event)

    def close(self) -> None:
        raise AssertionError("the session closes no sinks")

    def of(self, kind: type[EventT]) -> list[EventT]:
        return [event for event in self.events if isinstance(event, kind)]


def started(source: Any, model: Any, sink: Collector, **options: Any) -> Session:
    session = Session(source, model, settings=EngineSettings(**options), sinks=[sink])
    session.start()
    return session


def run(source: Any, model: Any = None, **options: Any) -> tuple[Session, Collector]:
    """A session from its start to its end."""
    sink = Collector()
    session = started(source, model or GuessingModel(), sink, **options)
    assert session.wait(60), "the session did not end"
    return session, sink


def check_invariants(sink: Collector, heard: float) -> None:
    """What every session keeps to, see the events' contract."""
    events = sink.events
    assert isinstance(events[0], SessionStarted)
    assert isinstance(events[-1], Summary)
    assert [from_dict(to_dict(event)) for event in events] == events

    spans = [(event.segment, event.start, event.end) for event in sink.of(SpeechEnded)]
    assert [event.segment for event in sink.of(SpeechStarted)] == list(range(1, len(spans) + 1))
    assert [(event.segment, event.start, event.end) for event in sink.of(Final)] == spans, (
        "one final for each, in order"
    )
    position = 0.0
    for _, start, end in spans:
        assert position <= start < end, "segments do not overlap"
        position = end
    assert position <= heard

    committed: dict[int, str] = {}
    open_segments: set[int] = set()
    for event in events:
        if isinstance(event, SpeechStarted):
            open_segments.add(event.segment)
        elif isinstance(event, Partial):
            assert event.segment in open_segments
            before = committed.get(event.segment, "")
            assert event.committed.startswith(before)
            assert event.committed[len(before) :][:1] in ("", " ", ",", ".", "?") or not before, "by whole words"
            assert not event.committed.endswith((".", "?", "Bahn")), "no end of a sentence, no half word"
            committed[event.segment] = event.committed
        elif isinstance(event, Final):
            open_segments.remove(event.segment)
            assert event.text.startswith(committed.get(event.segment, ""))
            assert not event.revised
            assert event.lag >= 0
            assert event.confidence is None or 0 <= event.confidence <= 1
    assert events[-1].segments == len(spans)


def check_audio(model: GuessingModel, sink: Collector, items: list[Any]) -> None:
    """The model was given nothing but segments and their beginnings, and every segment of which nothing was lost."""
    pieces = [np.zeros(item.end - item.start) if isinstance(item, AudioGap) else item for item in items]
    stream = np.concatenate([piece for piece in pieces if isinstance(piece, np.ndarray)])
    starts = [round(event.start * SAMPLE_RATE) for event in sink.of(SpeechStarted)]
    found = set()
    for samples in model.heard:
        fitting = [start for start in starts if np.array_equal(stream[start : start + len(samples)], samples)]
        assert fitting
        found |= {(start, len(samples)) for start in fitting}
    gaps = [(gap.start, gap.end) for gap in sink.of(Gap)]
    for event in sink.of(SpeechEnded):
        if not any(start < event.end and event.start < end for start, end in gaps):
            assert (round(event.start * SAMPLE_RATE), round((event.end - event.start) * SAMPLE_RATE)) in found


LOADS = [
    LoadSettings(),
    LoadSettings(coalesce=0.1, finals_only=1.0, greedy=3.0, spool=5.0),
    LoadSettings(coalesce=0.1, finals_only=0.2, greedy=0.3, spool=0.4, hold=0.5, spool_limit=5.0),
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_invariants_hold_for_random_audio_delays_and_failures(data: st.DataObject) -> None:
    policies = st.builds(
        PolicySettings, name=st.sampled_from(POLICIES), step=st.sampled_from([0.2, 0.5, 1.3]), certainty=st.just(0.5)
    )
    held: list[Session] = []
    items: list[Any] = []
    position = 0
    for _ in range(data.draw(st.integers(1, 6), label="utterances")):
        spoken = speech(data.draw(st.integers(SAMPLE_RATE // 2, 7 * SAMPLE_RATE), label="speech") / SAMPLE_RATE)
        pause = silence(data.draw(st.integers(0, 2 * SAMPLE_RATE), label="pause") / SAMPLE_RATE)
        position += len(spoken) + len(pause)
        lost = data.draw(st.sampled_from([False, False, True]), label="the pause is lost")
        items += [spoken, AudioGap(position - len(pause), position, "lost") if lost else pause]
        items.append(lambda: time.sleep(0.01))
        if (policy := data.draw(st.none() | policies, label="change to")) is not None:
            items.append(lambda policy=policy: held[0].change(policy, 3))
    delays = data.draw(st.lists(st.sampled_from([0.0, 0.0, 0.002, 0.02]), min_size=1, max_size=5), label="delays")
    failing = data.draw(st.sets(st.integers(1, 40)), label="failing calls")

    def before(call: int) -> None:
        time.sleep(delays[call % len(delays)])
        if call in failing:
            raise RuntimeError(f"call {call}")

    source = ListSource(items, real_time=data.draw(st.booleans()), block=data.draw(st.integers(100, 40_000)))
    model, sink = GuessingModel(before, seed=data.draw(st.integers(0, 5))), Collector()
    engine = EngineSettings(
        segmenter=SegmenterSettings(limit=data.draw(st.sampled_from([4.0, 10.0])), shrink_after=2.0),
        policy=data.draw(policies),
        load=data.draw(st.sampled_from(LOADS)),
    )
    session = Session(source, model, settings=engine, sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60), "the session did not end"
    check_invariants(sink, position / SAMPLE_RATE)
    check_audio(model, sink, items)
    assert session.error is None
    assert session.progress == pytest.approx(position / SAMPLE_RATE)
    assert session.backlog == 0.0
    assert session.summary == sink.events[-1]
    assert len(sink.of(Gap)) >= sum(isinstance(item, AudioGap) and item.end > item.start for item in items)


TALK = [silence(0.7), speech(2.3), silence(0.7), speech(1.2), silence(0.5), speech(12.0), silence(1.0)]


def test_both_paces_give_the_same_captions() -> None:
    """A listener's source, whose model keeps up, and one that is held back."""

    def captions(source: ListSource) -> list[Event]:
        _, sink = run(source, GuessingModel())
        assert sink.of(Load) == []
        return [
            replace(event, compute=0.0, **({"lag": 0.0} if isinstance(event, Final) else {}))
            for event in sink.events
            if isinstance(event, Partial | Final)
        ]

    fast = captions(ListSource(TALK))
    # At a twentieth of the time the model is still far ahead of the audio.
    slowed = [part for piece in TALK for chunk in np.split(piece, range(8_000, len(piece), 8_000))
              for part in (chunk, lambda: time.sleep(0.025))]  # fmt: skip
    assert captions(ListSource(slowed, real_time=True)) == fast
    assert len(fast) > 20


def test_the_first_event_says_what_runs() -> None:
    _, sink = run(ListSource([speech(1.0)]), policy=PolicySettings(name="final-only"))
    first = sink.events[0]
    assert isinstance(first, SessionStarted)
    assert (first.model, first.device, first.precision) == ("guessing", "cpu", "fp32")
    assert (first.policy, first.source, first.sample_rate) == ("final-only", "list", SAMPLE_RATE)


def test_silence_gives_no_captions() -> None:
    session, sink = run(ListSource([silence(20.0)]))
    assert [type(event) for event in sink.events] == [SessionStarted, Summary]
    assert session.summary is not None
    assert (session.summary.audio, session.summary.segments) == (20.0, 0)


def test_no_audio_at_all() -> None:
    session, _ = run(ListSource([]))
    assert session.summary is not None
    assert session.summary.audio == 0.0


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

    sink = Collector()
    session = started(ListSource([speech(3.0), silence(1.0)] * 50), GuessingModel(wait), sink)
    assert busy.wait(30)
    session.abort()
    session.abort()
    gate.set()
    assert session.wait(30)
    assert isinstance(sink.events[-1], Summary)
    (gap,) = sink.of(Gap)
    assert gap.start == 0.0
    assert sink.of(Final) == []


@pytest.mark.parametrize("real_time", [True, False])
def test_a_drain_that_is_cut_short_keeps_the_committed_words(real_time: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks are done, and the final hangs until the session is given up."""
    monkeypatch.setattr(session_module, "ABORT_TIMEOUT", 0.1)
    gate, hanging = threading.Event(), threading.Event()

    def hang(call: int) -> None:
        if model.beams[-1] > 1:
            hanging.set()
            gate.wait(60)

    model = GuessingModel(hang)
    source = ListSource([speech(4.0), silence(2.0), speech(3.0), silence(2.0)], real_time=real_time)
    sink = Collector()
    session = started(source, model, sink, policy=PolicySettings(step=0.4, certainty=0.0))
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


def test_progress_never_falls() -> None:
    seen: list[float] = []
    held: list[Session] = []
    sink = Collector(lambda event: seen.append(held[0].progress))
    session = Session(ListSource(TALK), GuessingModel(), settings=EngineSettings(), sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(sum(map(len, TALK)) / SAMPLE_RATE)


def test_an_unknown_detector_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="psychic"):
        Session(ListSource([]), GuessingModel(), settings=EngineSettings(vad="psychic"), sinks=[])


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    run(ListSource(TALK))
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(10)
        assert not thread.is_alive()


@dataclass
class PausableSource(ListSource):
    """Keeps what it is told."""

    told: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def test_pause_and_resume_are_the_sources() -> None:
    source = PausableSource([speech(1.0)])
    session = Session(source, GuessingModel(), settings=EngineSettings(), sinks=[Collector()])
    assert not session.paused
    session.pause()
    assert session.paused
    session.resume()
    assert not session.paused
    assert source.told == ["pause", "resume"]


def test_a_gap_that_begins_ends_the_segment_at_once() -> None:
    """The sentence before a pause is final before it is known how long the pause will be."""
    finished = threading.Event()
    seen: list[bool] = []
    end = 2 * SAMPLE_RATE
    source = ListSource(
        [speech(2.0), AudioGap(end, end, "paused"), lambda: seen.append(finished.wait(60)),
         AudioGap(end, 5 * end, "paused"), speech(2.0)],
        real_time=True,
    )  # fmt: skip
    sink = Collector(lambda event: finished.set() if isinstance(event, Final) else None)
    session = started(source, GuessingModel(), sink)
    assert session.wait(60)
    assert seen == [True]
    assert [(gap.start, gap.end, gap.reason) for gap in sink.of(Gap)] == [(2.0, 10.0, "paused")]
    check_invariants(sink, 12.0)


def test_what_a_source_has_to_say_is_told() -> None:
    held: list[Session] = []
    lost: list[bool] = []

    def look() -> None:
        lost.append(held[0].lost)

    source = ListSource(
        [
            speech(1.0),
            look,
            AudioNotice("Unplugged.", lost=True),
            look,
            AudioNotice("Check it."),
            look,
            speech(1.0),
            look,
        ]
    )
    sink = Collector()
    session = Session(source, GuessingModel(), settings=EngineSettings(), sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60)
    assert lost == [False, True, True, False]
    assert [(error.message, error.fatal) for error in sink.of(Error)] == [("Unplugged.", False), ("Check it.", False)]
    assert session.error is None
    check_invariants(sink, 2.0)


def test_a_source_that_begins_in_the_middle() -> None:
    session, sink = run(ListSource([speech(2.0)], position=30 * SAMPLE_RATE))
    assert sink.of(Gap) == []
    (final,) = sink.of(Final)
    assert 30.0 <= final.start < final.end <= 32.0
    assert session.summary is not None
    assert session.summary.audio == 2.0


def test_level_and_what_waits_can_be_read_at_any_time() -> None:
    gate, busy = threading.Event(), threading.Event()

    def wait(call: int) -> None:
        busy.set()
        gate.wait(60)

    heard = threading.Event()
    source = ListSource([speech(2.0), silence(1.0), speech(3.0), heard.set, lambda: gate.wait(60)], real_time=True)
    sink = Collector()
    session = Session(source, GuessingModel(wait), settings=EngineSettings(), sinks=[sink])
    assert (session.level, session.pending, session.backlog) == (Level(), 0.0, 0.0)
    session.start()
    assert heard.wait(60)
    assert busy.wait(60)
    assert session.level.position == 6.0
    assert -40 < session.level.rms < session.level.peak < 0
    assert session.pending > 5.0
    assert session.backlog > 4.0
    gate.set()
    assert session.wait(60)
    assert session.pending == session.backlog == 0.0


def test_another_policy_from_the_next_segment_on() -> None:
    held: list[Session] = []
    source = ListSource(
        [speech(3.0), silence(1.0), lambda: held[0].change(PolicySettings(name="final-only"), 2), speech(3.0)]
    )
    model, sink = GuessingModel(), Collector()
    session = Session(source, model, settings=EngineSettings(), sinks=[sink])
    held.append(session)
    session.start()
    assert session.wait(60)
    assert len(sink.of(Final)) == 2
    assert {event.segment for event in sink.of(Partial)} == {1}
    assert model.beams[-1] == 2, "of the finals too"
