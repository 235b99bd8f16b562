"""Does a stretch of audio hold speech at all? A second opinion on what a voice detector let through.

A detector decides within a few hundredths of a second, so noise with gaps, beeps and music get past it. What speech
has and they lack shows over a second or two: how far and how fast the shape of the spectrum moves, between sounds with
a pitch and sounds without. A quadratic classifier of such statistics; its weights come with the program and were
fitted by `python -m s2t2_live.training.sound_classes`. Knows no segments and no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.mel import products, to_hertz, to_mel

Array = NDArray[np.float64]

FRAME, HOP, FFT = 400, 160, 512
"""Samples: 25 ms every 10 ms."""
BANDS, CEPSTRA = 24, 13
DEPTH = 30.0
"""Frames of more decibels below the loudest one do not count."""
WINDOW, STEP = 2.0, 1.0
"""Seconds: a longer stretch is speech if one of its windows is."""
SHORTEST = 0.3
"""Seconds that are too few to judge; they count as speech."""
NO_SPEECH = -0.5
"""Log-odds below which a stretch counts as none: a caption too many is better than one that is missing."""
SURELY_NO_SPEECH = -6.0
"""Log-odds below which it counts as none even for who believes to have understood it: speech in noise as loud as itself
was not below -4.1, real noise with gaps not above -6.8."""
OUTLIER = 3.0
"""Standard deviations; what is farther off counts as this far."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeechCheck:
    """Log-odds of speech from the statistics of a stretch."""

    mean: Array
    scale: Array
    linear: Array
    square: Array
    bias: float

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> SpeechCheck:
        arrays = {name: np.asarray(body[name], dtype=np.float64) for name in ("mean", "scale", "linear", "square")}
        return cls(**arrays, bias=float(body["bias"]))

    def log_odds(self, samples: NDArray[np.float32]) -> float:
        """Of the most speech-like window of the audio, shape (n,) at `SAMPLE_RATE`; see `NO_SPEECH`."""
        if len(samples) < SHORTEST * SAMPLE_RATE:
            return np.inf
        frames = _Frames.of(samples)
        length, step = int(WINDOW * SAMPLE_RATE / HOP), int(STEP * SAMPLE_RATE / HOP)
        starts = range(0, max(1, len(frames.energy) - length + step), step)
        return max(self.judge(frames.statistics(start, start + length)) for start in starts)

    def judge(self, statistics: Array) -> float:
        """The log-odds of one window's statistics."""
        scaled = np.clip((statistics - self.mean) / self.scale, -OUTLIER, OUTLIER)
        return float(scaled @ self.linear + scaled**2 @ self.square + self.bias)


@cache
def speech_check() -> SpeechCheck:
    """The one that ships with the program."""
    return SpeechCheck.from_dict(json.loads(asset("speech_check.json").read_text(encoding="utf-8")))


def statistics(samples: NDArray[np.float32]) -> Array:
    """What `SpeechCheck` looks at, of all the audio as one window."""
    frames = _Frames.of(samples)
    return frames.statistics(0, len(frames.energy))


@dataclass(frozen=True, slots=True, eq=False)
class _Frames:
    """What is measured of every frame."""

    energy: Array
    """Decibels, (frames,)."""
    cepstrum: Array
    """(frames, CEPSTRA)."""
    change: Array
    """Of the cepstrum, over 40 ms, (frames, CEPSTRA)."""
    flux: Array
    """Mean change of the shape of the spectrum since the frame before, (frames - 1,)."""
    periodicity: Array
    """The highest peak of the autocorrelation at a pitch from 80 to 400 Hz, 0 to 1."""
    centroid: Array
    """Of the spectrum, hertz."""

    @classmethod
    def of(cls, samples: NDArray[np.float32]) -> _Frames:
        pieces = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP] * np.hanning(FRAME)
        power = np.abs(np.fft.rfft(pieces, FFT)) ** 2
        total = power.sum(1)
        logarithm = np.log(products(power, _filters()) + 1e-7)
        cepstrum = products(logarithm, _cosines())
        change = np.zeros_like(cepstrum)
        change[2:-2] = (cepstrum[4:] - cepstrum[:-4]) / 2
        shape = logarithm - logarithm.mean(1, keepdims=True)
        correlation = np.fft.irfft(power, FFT)
        frequencies = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
        peaks = correlation[:, SAMPLE_RATE // 400 : SAMPLE_RATE // 80].max(1)
        return cls(
            energy=10 * np.log10(total + 1e-8),
            cepstrum=cepstrum,
            change=change,
            flux=np.abs(np.diff(shape, axis=0)).mean(1),
            periodicity=peaks / (correlation[:, 0] + 1e-9),
            centroid=products(power, frequencies[None])[:, 0] / (total + 1e-9),
        )

    def statistics(self, start: int, end: int) -> Array:
        """Of the frames from `start` to `end`, those that are not much fainter than the loudest."""
        part = slice(start, end)
        energy = self.energy[part]
        loud = energy > energy.max() - DEPTH
        flux = self.flux[start : end - 1][loud[1:] & loud[:-1]]
        periodicity, centroid, level = self.periodicity[part][loud], self.centroid[part][loud], energy[loud]
        moved, jumped = self.cepstrum[part][loud].std(0), self.change[part][loud].std(0)
        return np.array(
            [
                *np.log(moved[1:] + 0.01),
                *np.log(jumped[1:] + 0.01),
                np.log(level.std() + 0.1),
                np.log((flux.mean() if len(flux) else 0.0) + 0.01),
                np.log((flux.std() if len(flux) else 0.0) + 0.01),
                periodicity.mean(),
                periodicity.std(),
                loud.mean(),
                np.log(centroid.std() + 10),
                np.log(centroid.mean() + 10),
                np.log((np.abs(np.diff(level)).mean() if len(level) > 1 else 0.0) + 0.1),
                (periodicity > 0.5).mean(),
            ]
        )


@cache
def _filters() -> Array:
    """Triangles that are evenly spaced on the mel scale from 100 to 7000 Hz, (BANDS, FFT // 2 + 1)."""
    edges = to_hertz(np.linspace(to_mel(100), to_mel(7000), BANDS + 2))
    frequencies = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), dtype=np.float64)


@cache
def _cosines() -> Array:
    """The discrete cosine transform of the bands, (CEPSTRA, BANDS)."""
    angles = np.outer(np.arange(CEPSTRA), np.arange(BANDS) + 0.5) * np.pi / BANDS
    return np.asarray(np.cos(angles) * np.sqrt(2 / BANDS), dtype=np.float64)
