"""Takes out what lies below the voice: hum, rumble, wind and a microphone's constant offset. Knows no model.

A feature extractor scales an utterance by its power, and what nobody hears can be most of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE

CORNER = 60.0
"""Hertz at which half of the power passes; the deepest voices begin above it."""
_PADDING = SAMPLE_RATE // 10


def high_pass(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples, (n,) at `SAMPLE_RATE`, without their mean and with `pass_share` of each frequency's amplitude.

    No frequency is delayed.
    """
    size = len(samples) + _PADDING
    spectrum = np.fft.rfft(samples - samples.mean(), size) * pass_share(np.fft.rfftfreq(size, 1 / SAMPLE_RATE))
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def pass_share(frequencies: NDArray[np.floating]) -> NDArray[np.floating]:
    """How much of the amplitude passes at each frequency in hertz, 0 to 1: a Butterworth filter's of second order."""
    ratio: NDArray[np.floating] = (frequencies / CORNER) ** 2
    share: NDArray[np.floating] = ratio / np.sqrt(1 + ratio**2)
    return share
