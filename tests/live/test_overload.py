"""A model that is slower than speech, on a clock that only the test moves: what is left out, and that no final is."""

import itertools
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from s2t2_live.audio.chunk import AudioChunk
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, SegmentStarted
from s2t2_live.live.events import Error, Event, Final, Gap, Load, Partial
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.translator import Translator

RATE = 16_000
TICK = 0.25
"""Seconds by which the clock moves when nobody computes."""
SPEECH, PAUSE = 4.0, 1.0
"""Seconds of each segment and of the silence behind it."""
GREEDY_SAVES = 0.3
"""Of the time that a beam search takes."""
LEVELS = ["normal", "coalesce", "finals-only", "greedy", "spool"]


class Clock:
    """Stands still while somebody has something to do; `sleep` is the model's, `advance` the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self._wake: float | None = None
        self._changed = threading.Condition()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            wake = self._wake = self.now + seconds
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.now >= wake, timeout=60)
            self._wake = None
            self._changed.notify_all()

    def advance(self, to: float, translator: Translator) -> None:
        """Move on, and let the worker do in the meantime what it can."""
        with self._changed:
            while True:
                for _ in range(60_000):
                    if self._wake is not None or translator.idle:
                        break
                    self._changed.wait(0.001)
                else:
                    raise AssertionError("the worker neither computes nor waits")
                if self._wake is None or self._wake > to:
                    self.now = to
                    return
                self.now = self._wake
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._wake is None or self._wake > self.now, timeout=60)


class SlowModel:
    """Takes `pace` seconds for a second of audio, and says how many seconds it was given.

    Every sample of the audio is its own index, so the model sees whether it is given the right ones.
    """

    name, device, precision = "slow", "cpu", "fp32"

    def __init__(self, clock: Clock, pace: float) -> None:
        self.pace = pace
        self._clock = clock

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        start = int(samples[0]) if len(samples) else 0
        np.testing.assert_array_equal(samples, np.arange(start, start + len(samples)))
        seconds = len(samples) / RATE
        self._clock.sleep(self.pace * seconds * (1 - GREEDY_SAVES * (beam_size == 1)))
        tokens = tuple(range(1, 1 + int(seconds)))
        return Hypothesis((*prefix, *tokens[len(prefix) :]), complete=True, log_probabilities=(-0.1,) * len(tokens))

    def text(self, tokens: Sequence[int]) -> str:
        return " ".join(f"w{token}" for token in tokens)

    def ends_word(self, token: int) -> bool:
        return True

    def is_word(self, token: int) -> bool:
        return True

    def to_cpu(self) -> None:
        raise AssertionError("it is there already")


class Talk:
    """Somebody speaks in segments of `SPEECH` seconds, whatever becomes of them."""

    def __init__(self, pace: float, load: LoadSettings) -> None:
        self.clock = Clock()
        self.model = SlowModel(self.clock, pace)
        self.events: list[Event] = []
        self.segments = 0
        self.most_in_memory = 0.0
        self.most_on_disk = 0.0
        self.ended = threading.Event()
        self.translator = Translator(
            self.model,
            policy=PolicySettings(step=0.5),
            beam_size=5,
            load=load,
            clock=lambda: self.clock.now,
            publish=self.events.append,
            finished=lambda error: self.ended.set(),
            timer=lambda: self.clock.now,
        )
        self.translator.start()

    def speak(self, seconds: float) -> None:
        for _ in range(round(seconds / (SPEECH + PAUSE))):
            self.segments += 1
            start = round(self.clock.now * RATE)
            self.translator.put(SegmentStarted(self.segments, start))
            for _ in range(round(SPEECH / TICK)):
                self._tick()
                end = round(self.clock.now * RATE)
                samples = np.arange(end - round(TICK * RATE), end, dtype=np.float32)
                self.translator.put(SegmentAudio(self.segments, AudioChunk(samples, end - len(samples)), end))
                self.translator.hear(end)
            self.silence(0.5)
            heard = round(self.clock.now * RATE)
            self.translator.put(SegmentEnded(self.segments, start, end, end, heard, "pause"))
            self.silence(PAUSE - 0.5)

    def silence(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self._tick()
            self.translator.hear(round(self.clock.now * RATE))

    def drain(self) -> None:
        self.translator.close()
        while not self.translator.idle:
            self._tick()
        assert self.ended.wait(60)

    def _tick(self) -> None:
        self.clock.advance(self.clock.now + TICK, self.translator)
        waiting = [segment.audio for segment in list(self.translator._queue._unfinished)]
        in_memory = [piece for audio in waiting for piece in list(audio._pieces) if isinstance(piece, np.ndarray)]
        self.most_in_memory = max(self.most_in_memory, sum(map(len, in_memory)) / RATE)
        self.most_on_disk = max(self.most_on_disk, self.translator._queue._spool.waiting)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def highest(self) -> str:
        return max((event.level for event in self.of(Load)), key=LEVELS.index, default="normal")

    def check_finals(self) -> None:
        """One for each segment, in order, of all its audio, each beginning with what had been committed."""
        finals = self.of(Final)
        assert [final.segment for final in finals] == list(range(1, self.segments + 1))
        committed = {event.segment: event.committed for event in self.of(Partial)}
        for final in finals:
            assert final.text == "w1 w2 w3 w4"
            assert final.text.startswith(committed.get(final.segment, ""))
        assert self.of(Error) == self.of(Gap) == []


LOAD = LoadSettings(coalesce=2.0, finals_only=4.0, greedy=8.0, spool=16.0, hold=3.0)


@pytest.mark.parametrize(
    ("pace", "highest"), [(0.02, "normal"), (0.5, "coalesce"), (1.0, "finals-only"), (2.0, "spool")]
)
def test_no_final_is_lost_and_the_backlog_falls_when_the_load_goes(pace: float, highest: str) -> None:
    talk = Talk(pace, LOAD)
    talk.speak(100.0)
    under_load = talk.translator.backlog
    talk.model.pace = 0.02
    talk.speak(60.0)
    assert talk.translator.backlog < 0.5
    assert under_load > (0.5 if pace >= 1.0 else -1.0)
    talk.drain()

    talk.check_finals()
    assert talk.highest == highest
    levels = ["normal", *(event.level for event in talk.of(Load))]
    assert levels[-1] == "normal", "it has come down again"
    for before, after in itertools.pairwise(levels):
        assert LEVELS.index(after) > LEVELS.index(before) or LEVELS.index(after) == LEVELS.index(before) - 1
    assert talk.most_in_memory <= LOAD.spool + 2 * SPEECH
    assert (talk.most_on_disk > 10.0) == (highest == "spool")
    last = [event for event in talk.of(Partial) if event.segment == talk.segments]
    assert [event.end - event.start for event in last] == [0.5 * look for look in range(1, 9)], "as if nothing had been"


def test_one_stall_of_ten_seconds() -> None:
    talk = Talk(0.05, LOAD)
    talk.speak(10.0)
    talk.model.pace = 5.0
    talk.silence(1.0)
    talk.speak(5.0)
    talk.model.pace = 0.05
    talk.speak(60.0)
    talk.drain()
    talk.check_finals()
    assert talk.highest in ("finals-only", "greedy", "spool")
    assert talk.of(Load)[-1].level == "normal"


def test_what_finds_no_room_on_disk_is_a_gap() -> None:
    load = LoadSettings(coalesce=0.5, finals_only=1.0, greedy=2.0, spool=4.0, hold=1.0, spool_limit=6.0)
    talk = Talk(3.0, load)
    talk.speak(60.0)
    talk.model.pace = 0.02
    talk.speak(30.0)
    talk.drain()
    finals, gaps = talk.of(Final), talk.of(Gap)
    assert [final.segment for final in finals] == list(range(1, talk.segments + 1)), "a final even of what was lost"
    assert talk.most_on_disk <= 6.0
    assert talk.most_in_memory <= 4.0 + 2 * SPEECH
    assert gaps
    for final in finals:
        lost = sum(gap.end - gap.start for gap in gaps if final.start <= gap.start and gap.end == final.end)
        assert final.text == " ".join(f"w{word}" for word in range(1, 1 + int(final.end - final.start - lost)))
    assert all("waiting for the model" in gap.reason for gap in gaps)
    assert talk.of(Load)[-1].level == "normal"
    assert finals[-1].text == "w1 w2 w3 w4"
