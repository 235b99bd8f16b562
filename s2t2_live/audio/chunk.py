"""The audio that flows through the engine, and the one interface of all sources. Knows no file and no device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hertz, of every `AudioChunk`."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A run of mono samples at `SAMPLE_RATE`."""

    samples: NDArray[np.float32]
    """Shape (n,), full scale is ±1."""
    start: int
    """Index of the first sample on the source's clock."""

    @property
    def end(self) -> int:
        """Index one past the last sample."""
        return self.start + len(self.samples)


def mono(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, shape (n, channels).

    Files and devices in floating point may give NaN and infinity, which would stay in a resampler for ever.
    """
    mean: NDArray[np.float32] = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).mean(axis=1, dtype=np.float32)
    return mean


@dataclass(frozen=True, slots=True)
class AudioGap:
    """Samples that the source could not deliver, or did not because it was paused.

    An empty gap says at once that one has begun; another one follows when its length is known.
    """

    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class AudioNotice:
    """What the source has to say to its listener in the meantime; the session goes on."""

    message: str
    lost: bool = False
    """Whether nothing will be heard until the next chunk."""


SourceItem: TypeAlias = AudioChunk | AudioGap | AudioNotice


class Source(Protocol):
    """Where audio comes from: a recording, a microphone, the system's sound."""

    name: str
    """For people: the file's or the device's name."""
    sample_rate: int
    """Hertz, as delivered by the file or device, before resampling to `SAMPLE_RATE`."""
    duration: float | None
    """Seconds, or None when it is live."""
    real_time: bool
    """Whether the audio comes at a listener's pace, so that it cannot be held back and `now` is a listener's clock."""

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield the audio in order, without holes or overlaps; block until there is some; end at `stop` or the end.

        The first chunk may begin later than 0: nothing was before it.
        """
        ...

    def now(self) -> float:
        """Seconds on the source's clock: what a listener has heard by now."""
        ...

    def stop(self) -> None:
        """End the iteration soon, from any thread; audio already captured is still yielded."""
        ...

    def pause(self) -> None:
        """From any thread: a recording waits; a live source drops what comes, and yields a gap of that length."""
        ...

    def resume(self) -> None:
        """Go on after `pause`, from any thread."""
        ...
