"""A translator for tests, with a model that counts its calls and segments fed by hand."""

import threading
from collections.abc import Callable, Sequence

import numpy as np

from s2t2_live.audio.chunk import AudioChunk
from s2t2_live.audio.segmenter import SegmentAudio, SegmentEnded, SegmentLull, SegmentStarted
from s2t2_live.live.events import Event
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.translator import Translator

RATE = 16_000
FULL_STOP = 0


class Gate:
    """Put before a model's calls, it holds them up until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, _: int) -> None:
        self.reached.set()
        self._opened.wait(30)

    def open(self) -> None:
        self._opened.set()


def failing(when: Callable[[int], bool]) -> Callable[[int], None]:
    """To be put before a model's calls: those of which `when` is true of the length of their audio fail."""

    def before(length: int) -> None:
        if when(length):
            raise RuntimeError("broken")

    return before


class CountingModel:
    """A model at the seam that says one word for each half second and a full stop, and can wait or fail first."""

    name, precision = "counting", "fp32"

    def __init__(self) -> None:
        self.device = "cpu"
        self.before: Callable[[int], None] = lambda length: None
        self.calls: list[tuple[int, tuple[int, ...], int]] = []
        self.says: Hypothesis | None = None
        """In place of the words, whatever the audio."""

    def translate(self, samples: np.ndarray, prefix: Sequence[int], *, beam_size: int, max_tokens: int) -> Hypothesis:
        self.calls.append((len(samples), tuple(prefix), beam_size))
        self.before(len(samples))
        if self.says is not None:
            return self.says
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

    def lull(self, *, settled: bool = True) -> None:
        """It is quiet; the end of what has been spoken is the quiet part that a segment keeps."""
        self.translator.put(SegmentLull(self.count, settled, self.position))

    def speak_to_lull(self, seconds: float, *, settled: bool = True) -> None:
        """A segment so long and its lull, in a translator that begins now, until there is nothing more to do."""
        self.translator.start()
        self.start_segment()
        self.speak(seconds)
        self.lull(settled=settled)
        self.until_idle()

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
