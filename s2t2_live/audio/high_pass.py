"""Takes out what lies below the voice: hum, rumble, wind and a microphone's constant offset. Knows no model.

A feature extractor scales an utterance by its power, and what nobody hears can be most of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE

CORNER = 60.0
"""Hertz at which half of the power passes; the deepest voices begin above it."""
_PADDING = SAMPLE_RATE // 10
Amplitude = Callable[[NDArray[np.floating]], NDArray[np.floating]]
"""A factor for each frequency in hertz."""


def high_pass(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples, (n,) at `SAMPLE_RATE`, without their mean and with `pass_share` of each frequency's amplitude."""
    return filtered(samples - samples.mean(), pass_share)


def filtered(samples: NDArray[np.float32], amplitude: Amplitude) -> NDArray[np.float32]:
    """Return samples, (n,) at `SAMPLE_RATE`, with `amplitude` times as much of each frequency; none is delayed."""
    least = len(samples) + _PADDING
    octave = 2 ** max(0, least.bit_length() - 3)
    # Of some sizes a Fourier transform takes a hundred times as long.
    size = -(-least // octave) * octave
    spectrum = np.fft.rfft(samples, size) * amplitude(np.fft.rfftfreq(size, 1 / SAMPLE_RATE))
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


def pass_share(frequencies: NDArray[np.floating]) -> NDArray[np.floating]:
    """How much of the amplitude passes at each frequency in hertz, 0 to 1: a Butterworth filter's of second order."""
    ratio: NDArray[np.floating] = (frequencies / CORNER) ** 2
    share: NDArray[np.floating] = ratio / np.sqrt(1 + ratio**2)
    return share
