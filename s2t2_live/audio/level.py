"""How loud it is: what a level meter shows of the last moments. Knows no source."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk

FLOOR = -100.0
"""dBFS, for digital silence and all below."""
CLIPPING = 0.99
"""Of full scale; resampling rounds the tops that a microphone cut off."""
WINDOW = 0.1
"""Seconds that a level is measured over."""
SILENCE = 3.0
"""Seconds of exact zeros that no working microphone delivers."""


@dataclass(frozen=True, slots=True)
class Level:
    """The sound of the last `WINDOW` seconds."""

    rms: float = FLOOR
    """dBFS."""
    peak: float = FLOOR
    """dBFS."""
    clipped: bool = False
    """Whether the input was overdriven."""
    silent: bool = False
    """Whether there has been nothing but exact zeros for `SILENCE` seconds."""
    position: float = 0.0
    """Seconds on the source's clock."""


class ZeroCounter:
    """How long the signal has been exactly zero."""

    def __init__(self) -> None:
        self._zeros = 0
        self._rate = 0

    def count(self, samples: NDArray[np.float32], rate: int) -> float:
        """Take the next samples, shape (n,) or (n, channels); returns the seconds of zeros up to their end.

        `rate` in hertz; at another one the count begins again.
        """
        if rate != self._rate:
            self._zeros, self._rate = 0, rate
        nonzero = np.flatnonzero(samples.any(axis=1) if samples.ndim > 1 else samples)
        self._zeros = len(samples) - 1 - int(nonzero[-1]) if len(nonzero) else self._zeros + len(samples)
        return self._zeros / rate


class LevelMeter:
    """Measures a stream; `level` may be read from another thread at any time."""

    def __init__(self) -> None:
        self.level = Level()
        self._recent: deque[NDArray[np.float32]] = deque()
        self._length = 0
        self._zeros = ZeroCounter()

    def hear(self, chunk: AudioChunk) -> None:
        """Take the next chunk."""
        self._recent.append(chunk.samples)
        self._length += len(chunk.samples)
        while self._length - len(self._recent[0]) >= WINDOW * SAMPLE_RATE:
            self._length -= len(self._recent.popleft())
        samples = np.concatenate(self._recent)[-round(WINDOW * SAMPLE_RATE) :]
        peak = float(np.abs(samples).max(initial=0.0))
        self.level = Level(
            rms=decibels(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0),
            peak=decibels(peak),
            clipped=peak >= CLIPPING,
            silent=self._zeros.count(chunk.samples, SAMPLE_RATE) >= SILENCE,
            position=chunk.end / SAMPLE_RATE,
        )


def decibels(amplitude: float) -> float:
    """dBFS of an amplitude whose full scale is 1."""
    return max(FLOOR, 20.0 * float(np.log10(max(amplitude, 1e-9))))
