"""The inference worker: looks at fixed lengths, finals that nothing holds up, failures that end nothing."""

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from s2t2_live.audio.chunk import AudioChunk
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, SegmentStarted
from s2t2_live.live.events import Error, Event, Final, Gap, Load, Partial
from s2t2_live.live.guards import token_budget
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.jobs import QUEUED
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.translator import Translator

RATE = 16_000
FULL_STOP = 0


class CountingModel:
    """A model at the seam that says one word for each half second and a full stop, and can wait or fail first."""

    name, precision = "counting", "fp32"

    def __init__(self) -> None:
        self.device = "cpu"
        self.before: Callable[[int], None] = lambda length: None
        self.calls: list[tuple[int, tuple[int, ...], int]] = []

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        self.calls.append((len(samples), tuple(prefix), beam_size))
        self.before(len(samples))
        words = tuple(range(1, 1 + len(samples) // 8_000))
        assert words[: len(prefix)] == tuple(prefix)
        return Hypothesis((*words, FULL_STOP), complete=True, log_probabilities=(-0.5, -0.5))

    def text(self, tokens: Sequence[int]) -> str:
        return " ".join(f"w{token}" for token in tokens).replace(" w0", ".")

    def ends_word(self, token: int) -> bool:
        return True

    def is_word(self, token: int) -> bool:
        return token != FULL_STOP

    def to_cpu(self) -> None:
        self.device = "cpu"


class Bench:
    """A translator with its events, fed with segments by hand."""

    def __init__(self, *, live: bool, policy: PolicySettings | None = None, load: LoadSettings | None = None) -> None:
        self.model = CountingModel()
        self.events: list[Event] = []
        self.arrived = threading.Condition()
        self.ended = threading.Event()
        self.error: Exception | None = None
        self.clock = 0.0
        self.compute = 0.0
        self.position = 0
        self.count = 0
        self.translator = Translator(
            self.model,
            policy=policy or PolicySettings(step=0.5, certainty=0.5),
            beam_size=5,
            load=load or LoadSettings(),
            clock=(lambda: self.clock) if live else None,
            publish=self._published,
            finished=self._finished,
            timer=lambda: self.compute,
        )

    def _published(self, event: Event) -> None:
        with self.arrived:
            self.events.append(event)
            self.arrived.notify_all()

    def until(self, kind: type, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.of(kind)) == count, timeout=30)

    def _finished(self, error: Exception | None) -> None:
        self.error = error
        self.ended.set()

    def until_idle(self) -> None:
        """Until the worker has taken and done what it was given."""
        for _ in range(3_000):
            if self.translator.idle:
                return
            self.ended.wait(0.01)
        raise AssertionError("the worker is not done")

    def start_segment(self) -> None:
        self.count += 1
        self.start = self.position
        self.translator.put(SegmentStarted(self.count, self.position))

    def speak(self, seconds: float, *, settled: bool = True) -> None:
        samples = np.full(round(seconds * RATE), 0.5, dtype=np.float32)
        chunk = AudioChunk(samples, self.position)
        self.translator.put(SegmentAudio(self.count, chunk, chunk.end if settled else chunk.start))
        self.hear(seconds)

    def hear(self, seconds: float) -> None:
        self.position += round(seconds * RATE)
        self.translator.hear(self.position)

    def end_segment(self, cut: float = 0.0) -> None:
        end = self.position - round(cut * RATE)
        self.translator.put(SegmentEnded(self.count, self.start, end, end, self.position, "pause"))

    def segment(self, seconds: float) -> None:
        self.start_segment()
        self.speak(seconds)
        self.end_segment()

    def drain(self) -> None:
        self.translator.close()
        assert self.ended.wait(30)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        made.append(Bench(**options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for item in made:
        item.translator.abort()


def test_looks_come_at_fixed_lengths_and_the_final_has_all(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    for seconds in (0.1, 0.35, 0.7, 0.05, 0.5):
        it.speak(seconds)
    it.end_segment()
    it.drain()
    assert [(length, beam) for length, _, beam in it.model.calls] == [(8_000, 1), (16_000, 1), (24_000, 1), (27_200, 5)]
    assert [event.committed for event in it.of(Partial)] == ["", "w1", "w1 w2"]
    assert [event.tentative for event in it.of(Partial)] == ["w1.", "w2.", "w3."]
    assert [event.end for event in it.of(Partial)] == [0.5, 1.0, 1.5]
    (final,) = it.of(Final)
    assert final.text == "w1 w2 w3."
    assert final.confidence == pytest.approx(np.exp(-0.5))
    assert not final.revised
    assert it.model.calls[-1][1] == (1, 2), "the final begins with what is committed"


def test_audio_cut_off_at_the_limit_is_not_in_the_final(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    it.speak(1.0)
    it.speak(1.0, settled=False)
    it.end_segment(cut=0.9)
    it.drain()
    assert it.model.calls[-1][0] == round(1.1 * RATE)
    assert it.of(Partial)[-1].committed == "w1", "what may be cut off commits nothing"
    assert it.of(Final)[0].text == "w1 w2."


def test_final_only_never_looks(bench: Callable[..., Bench]) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    it.translator.start()
    it.segment(3.0)
    it.drain()
    assert len(it.model.calls) == 1
    assert it.of(Partial) == []


def test_a_source_without_a_listener_is_held_back(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    gate = threading.Event()
    it.model.before = lambda length: gate.wait(30) and None
    it.translator.start()
    feeder = threading.Thread(target=lambda: [it.segment(0.5) for _ in range(50)])
    feeder.start()
    feeder.join(0.3)
    assert feeder.is_alive(), "the feeder waits"
    assert it.count <= QUEUED + 3
    gate.set()
    feeder.join(30)
    it.drain()
    assert len(it.of(Final)) == 50
    assert it.of(Load) == []


def test_lag_on_a_listeners_clock(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.segment(1.0)
    it.clock = 1.75
    it.translator.start()
    it.drain()
    assert it.of(Final)[0].lag == pytest.approx(0.75)


def test_lag_without_a_listener_is_the_wait_and_the_computing(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.start_segment()
    it.speak(1.0)
    it.hear(0.4)
    it.translator.put(SegmentEnded(1, 0, RATE, RATE, it.position, "pause"))
    it.translator.start()
    it.drain()
    (final,) = it.of(Final)
    assert final.lag == pytest.approx(0.4 + final.compute)


def test_below_the_first_threshold_a_slow_model_changes_nothing(bench: Callable[..., Bench]) -> None:
    live, fast = bench(live=True), bench(live=False)
    for it in (live, fast):
        if it is fast:
            it.translator.start()
        it.segment(1.9)
        if it is live:
            it.translator.start()
        it.drain()
    assert [event for event in live.events if isinstance(event, Load)] == []
    assert live.model.calls == fast.model.calls


def test_under_load_only_the_latest_look_is_taken(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.start_segment()
    it.speak(3.2)
    it.translator.start()
    it.drain()
    assert [event.level for event in it.of(Load)] == ["coalesce"]
    assert it.of(Load)[0].backlog == pytest.approx(2.7)
    assert [length for length, _, _ in it.model.calls] == [48_000]


def test_a_final_never_waits_behind_looks_under_load(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    for _ in range(2):
        it.segment(3.0)
    it.translator.start()
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 5]
    assert [event.segment for event in it.of(Final)] == [1, 2]


def test_the_ladder_climbs_to_greedy_finals_and_comes_down(bench: Callable[..., Bench]) -> None:
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    busy, gate = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        busy.set()
        gate.wait(30)

    it.model.before = wait
    it.translator.start()
    it.segment(2.0)
    assert busy.wait(30)
    for _ in range(5):
        it.segment(2.0)
    assert [event.level for event in it.of(Load)] == ["coalesce", "finals-only", "greedy"]
    it.segment(1.0)
    gate.set()
    it.until(Final, 7)
    for _ in range(40):
        it.hear(0.5)
    assert [event.level for event in it.of(Load)][3:] == ["finals-only", "coalesce", "normal"]
    it.segment(1.0)
    it.drain()
    assert len(it.of(Final)) == 8, "no final is lost"
    assert [beam for _, _, beam in it.model.calls] == [5, 1, 1, 1, 1, 1, 1, 5]


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
    assert [(gap.start, gap.end) for gap in gaps] == ([(0.0, 1.2)] if failures == 2 else [])
    assert (first.confidence is None) == (failures == 2)


def test_progress_is_up_to_the_first_segment_without_its_final(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    it.hear(1.0)
    assert it.translator.done == 1.0
    it.segment(2.0)
    it.hear(1.0)
    assert it.translator.done == 1.0
    it.translator.start()
    it.drain()
    assert it.translator.done == 4.0


def test_abort_drops_what_waits_and_says_how_much(bench: Callable[..., Bench]) -> None:
    it = bench(live=True)
    entered, gate = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        entered.set()
        gate.wait(30)

    it.model.before = wait
    it.translator.start()
    it.hear(1.0)
    it.segment(2.0)
    it.segment(2.0)
    assert entered.wait(30)
    assert it.translator.abort() == (1.0, 5.0)
    gate.set()
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
    entered, gate = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        entered.set()
        gate.wait(30)

    it.model.before = wait
    if ended:
        it.end_segment(cut=0.1)
    else:
        it.speak(0.4)
    assert entered.wait(30)
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
    gate.set()
    assert it.ended.wait(30)
    assert it.of(Final) == [final], "the one that was under way is dropped"
    assert len(it.of(Partial)) == 2


def test_what_the_source_lost_is_no_backlog(bench: Callable[..., Bench]) -> None:
    """A pause of ten minutes, while the model is still at work."""
    it = bench(live=True, policy=PolicySettings(name="final-only"))
    busy, gate = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        busy.set()
        gate.wait(30)

    it.model.before = wait
    it.translator.start()
    it.segment(2.0)
    it.segment(1.0)
    assert busy.wait(30)
    it.position += 600 * RATE
    it.translator.hear(it.position, lost=600 * RATE)
    assert it.translator.backlog == pytest.approx(1.0)
    it.segment(0.5)
    assert it.translator.backlog == pytest.approx(1.5)
    gate.set()
    it.drain()
    assert it.of(Load) == []
    assert len(it.of(Final)) == 3


def test_under_load_looks_keep_their_distance(bench: Callable[..., Bench]) -> None:
    """As far from each other as one takes, on the same lengths as ever."""
    it = bench(live=True, load=LoadSettings(coalesce=0.4, finals_only=50, greedy=60, spool=70, hold=100))

    def work(length: int) -> None:
        it.compute += 1.1

    it.model.before = work
    it.translator.start()
    it.start_segment()
    it.speak(0.5)
    it.until_idle()
    gate, busy = threading.Event(), threading.Event()

    def wait(length: int) -> None:
        busy.set()
        gate.wait(30)
        work(length)

    it.model.before = wait
    it.speak(0.5)
    assert busy.wait(30)
    it.hear(0.5)
    assert [event.level for event in it.of(Load)] == ["coalesce"]
    gate.set()
    it.until_idle()
    for _ in range(16):
        it.speak(0.25)
        it.until_idle()
    assert [length / RATE for length, _, _ in it.model.calls] == [0.5, 1.0, 2.5, 4.0]


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
    it.model.before = lambda length: 1 / 0 if len(it.model.calls) == 1 else None  # type: ignore[assignment, return-value]
    it.translator.start()
    it.start_segment()
    it.speak(1.0)
    it.hear(0.4)
    it.until_idle()
    it.end_segment(cut=0.4)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2."
    assert it.of(Error) == []


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


def test_a_gpu_that_does_not_give_the_model_back(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False)
    it.model.device = "cuda"
    monkeypatch.setattr(it.model, "to_cpu", lambda: 1 / 0)
    it.model.before = lambda length: 1 / 0 if length == 19_200 else None  # type: ignore[assignment, return-value]
    it.translator.start()
    it.segment(1.2)
    it.segment(1.0)
    it.drain()
    assert [event.text for event in it.of(Final)] == ["w1", "w1 w2."]
    assert len(it.of(Error)) == len(it.of(Gap)) == 1


def test_another_policy_for_the_segments_that_begin_later(bench: Callable[..., Bench]) -> None:
    it = bench(live=False)
    it.translator.start()
    it.start_segment()
    it.speak(0.6)
    it.translator.change(PolicySettings(name="final-only"), 5)
    it.speak(0.6)
    it.end_segment()
    it.segment(1.2)
    it.translator.change(PolicySettings(step=0.3), 5)
    it.segment(1.2)
    it.drain()
    ends = [(event.segment, round(event.end - event.start, 1)) for event in it.of(Partial)]
    assert ends == [(1, 0.5), (1, 1.0), (3, 0.3), (3, 0.6), (3, 0.9), (3, 1.2)]


def test_another_beam_size_for_the_finals_from_now_on(bench: Callable[..., Bench]) -> None:
    policy = PolicySettings(name="final-only")
    it = bench(live=False, policy=policy)
    it.translator.start()
    it.segment(1.2)
    it.until(Final, 1)
    it.start_segment()
    it.speak(1.2)
    it.translator.change(policy, 2)
    it.end_segment()
    it.drain()
    assert [beam for _, _, beam in it.model.calls] == [5, 2]


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


def test_a_capped_final_ends_with_a_whole_word(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    capped = Hypothesis((1, 2, 3), complete=False, log_probabilities=(-0.1,) * 3)
    monkeypatch.setattr(it.model, "translate", lambda *args, **options: capped)
    monkeypatch.setattr(it.model, "ends_word", lambda token: token != 3)
    it.translator.start()
    it.segment(1.0)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2"


def test_loops_do_not_reach_the_final(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    it = bench(live=False, policy=PolicySettings(name="final-only"))
    budgets: list[int] = []

    def loop(samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        budgets.append(max_tokens)
        return Hypothesis((1, 2) * 9, complete=False, log_probabilities=(-0.1,) * 18)

    monkeypatch.setattr(it.model, "translate", loop)
    it.translator.start()
    it.segment(2.0)
    it.drain()
    assert it.of(Final)[0].text == "w1 w2"
    assert budgets == [token_budget(2.0)]
