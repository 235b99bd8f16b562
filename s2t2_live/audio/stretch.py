"""Speech faster or slower at its own pitch. Knows no file and no device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE

FRAME = SAMPLE_RATE // 25
"""Samples that are moved as a whole: long enough for the period of a low voice."""
HOP = FRAME // 2
SEARCH = SAMPLE_RATE // 100
"""Samples that a frame may be moved by, to where it goes on as the one before would have."""
_WINDOW = np.hanning(FRAME + 1)[:FRAME].astype(np.float32)


class Stretch:
    """Waveform similarity overlap-add (Verhelst and Roelands 1993, doi 10.1109/ICASSP.1993.319366)."""

    def __init__(self, speed: float) -> None:
        """`speed` is how many seconds of speech are heard in a second."""
        self._speed = speed
        self._heard = np.zeros(0, dtype=np.float32)
        self._next = 0.0
        """Where in `_heard` the next frame is wanted."""
        self._goes_on = 0
        """Where in `_heard` the frame before goes on."""
        self._tail = np.zeros(HOP, dtype=np.float32)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is ready after these samples, shape (n,)."""
        if self._speed == 1:
            return samples
        self._heard = np.concatenate([self._heard, samples])
        ready = []
        while max(round(self._next) + SEARCH, self._goes_on) + FRAME <= len(self._heard):
            frame = self._heard[(best := self._similar()) : best + FRAME] * _WINDOW
            ready.append(self._tail + frame[:HOP])
            self._tail = frame[HOP:]
            self._goes_on = best + HOP
            self._next += HOP * self._speed
        done = max(0, min(round(self._next) - SEARCH, self._goes_on))
        self._heard = self._heard[done:]
        self._next -= done
        self._goes_on -= done
        return np.concatenate(ready) if ready else np.zeros(0, dtype=np.float32)

    def _similar(self) -> int:
        """The place near `_next` that sounds most like what comes after the frame before."""
        first = max(0, round(self._next) - SEARCH)
        wanted = self._heard[self._goes_on : self._goes_on + HOP]
        near = self._heard[first : round(self._next) + SEARCH + HOP]
        products = np.correlate(near, wanted, mode="valid")
        energies = np.convolve(near * near, np.ones(HOP, dtype=np.float32), mode="valid")
        return first + int(np.argmax(products / np.sqrt(energies + 1e-9)))
