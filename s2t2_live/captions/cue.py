"""Captions with their times, in order and without overlap, from the events of a session. Knows no file format."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, TextIO

from s2t2_live.live.events import PAUSED, Event, Final, Gap, SpeechStarted

SHORTEST = 0.001
"""Seconds; what the time stamps of subtitles can tell apart."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of text from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str
    uncertain: bool = False
    """Whether it is a caption that the model is not sure of."""


def one_line(text: str) -> str:
    """The text on one line: runs of white space become one space, control characters go.

    A checkpoint's vocabulary is not to be trusted with a terminal's escape codes.
    """
    kept = (" " if char.isspace() else char for char in text)
    return " ".join("".join(char for char in kept if unicodedata.category(char) != "Cc").split())


def clock(seconds: float, decimal: str) -> str:
    """`HH:MM:SS` and milliseconds behind the `decimal` sign; hours grow beyond two digits."""
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{decimal}{milliseconds:03d}"


class CueOrder:
    """Gives the finals and the gaps as cues: each starts no earlier than the one before has ended.

    A gap is known at once, a final only after its inference, so a gap waits for the segments that began before it.
    """

    def __init__(self) -> None:
        self._unfinished: dict[int, float] = {}
        self._gaps: list[Cue] = []
        self._end = 0.0

    def add(self, event: Event) -> Iterator[Cue]:
        """The cues that are ready after this event; a final without text gives none."""
        if isinstance(event, SpeechStarted):
            self._unfinished[event.segment] = event.start
        elif isinstance(event, Gap):
            text = "[paused]" if event.reason == PAUSED else f"[audio lost: {one_line(event.reason)}]"
            # One within a segment may be told after one that follows the segment.
            insort(self._gaps, Cue(event.start, event.end, text), key=lambda cue: cue.start)
            yield from self._release()
        elif isinstance(event, Final):
            self._unfinished.pop(event.segment, None)
            if text := one_line(event.text):
                # A gap within a segment has its own time.
                end = min((gap.start for gap in self._gaps if event.start < gap.start < event.end), default=event.end)
                yield self._fit(Cue(event.start, end, text, event.uncertain))
            yield from self._release()

    def finish(self) -> Iterator[Cue]:
        """The gaps that still wait, when no more events will come."""
        self._unfinished.clear()
        yield from self._release()

    def _release(self) -> Iterator[Cue]:
        first = min(self._unfinished.values(), default=float("inf"))
        while self._gaps and self._gaps[0].start <= first:
            yield self._fit(self._gaps.pop(0))

    def _fit(self, cue: Cue) -> Cue:
        start = max(cue.start, self._end)
        self._end = max(cue.end, start + SHORTEST)
        return replace(cue, start=start, end=self._end)


class CueWriter(ABC):
    """A sink that writes each cue in full and flushes it, so that what is written can be read at any time."""

    header: ClassVar[str] = ""
    """What stands before the first cue."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._cues = CueOrder()
        if self.header:
            self._put(self.header)

    def handle(self, event: Event) -> None:
        for cue in self._cues.add(event):
            self._put(self.format(cue))

    def close(self) -> None:
        """Write the gaps that still wait; the stream stays open."""
        for cue in self._cues.finish():
            self._put(self.format(cue))

    @abstractmethod
    def format(self, cue: Cue) -> str:
        """The cue as it stands in the file, with the line ends that follow it."""

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
