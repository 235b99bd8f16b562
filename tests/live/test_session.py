"""A session from source to sinks: what users rely on, whatever the audio, the model and the sinks do."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioGap, AudioNotice
from s2t2_live.audio.level import Level
from s2t2_live.audio.segmenter import SegmenterSettings
from s2t2_live.errors import UsageError
from s2t2_live.live.events import (
    Error,
    Event,
    Final,
    Gap,
    Load,
    Partial,
    SessionStarted,
    Summary,
)
from s2t2_live.live.policy import POLICIES, PolicySettings
from s2t2_live.live.session import EngineSettings, Session
from tests.live.sessions import (
    LOADS,
    Collector,
    GuessingModel,
    ListSource,
    check_audio,
    check_invariants,
    run,
    silence,
    speech,
    started,
)


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

    def captions(*, live: bool) -> list[Event]:
        def caught_up() -> None:
            """The listener's thread: go on when the worker has done all that there was to do."""
            for _ in range(10_000):
                if session._translator.idle:
                    return
                time.sleep(0.001)

        blocks = [block for piece in TALK for block in np.split(piece, range(1_600, len(piece), 1_600))]
        items = [item for block in blocks for item in ((block, caught_up) if live else (block,))]
        sink = Collector()
        session = Session(ListSource(items, real_time=live), GuessingModel(), settings=EngineSettings(), sinks=[sink])
        session.start()
        assert session.wait(60)
        assert sink.of(Load) == []
        return [
            replace(event, compute=0.0, **({"lag": 0.0} if isinstance(event, Final) else {}))
            for event in sink.events
            if isinstance(event, Partial | Final)
        ]

    fast = captions(live=False)
    assert captions(live=True) == fast
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


def test_a_pause_is_no_audio_that_was_heard() -> None:
    second = SAMPLE_RATE
    session, _ = run(ListSource([speech(2.0), AudioGap(2 * second, 3_600 * second, "paused"), speech(2.0)]))
    assert session.summary is not None
    assert session.summary.audio == 4.0


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
    assert session.backlog > 3.0, "the worker may have begun with the first final"
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
