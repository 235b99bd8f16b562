"""Sessions for tests: a model that guesses, sources from lists, a sink that collects, and what must always hold."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice
from s2t2_live.live.events import (
    Event,
    Final,
    Gap,
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
