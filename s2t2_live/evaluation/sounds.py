"""Sounds in which nobody speaks, for measuring that nothing is said about them. Others than those of the training.

Knows neither the engine nor the model. Every function gives (samples,) at `SAMPLE_RATE`, always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE

Sound = NDArray[np.float32]
MAJOR = (0, 2, 4, 5, 7, 9, 11, 12)
QUIET = 10 ** (-60 / 20)
"""Of a room's own noise."""


def silence(samples: int) -> Sound:
    """Digital silence, then a quiet room."""
    sound = np.random.default_rng(1).standard_normal(samples) * QUIET
    sound[: samples // 2] = 0
    return sound.astype(np.float32)


def noise(samples: int) -> Sound:
    """By turns white, pink, gusty, and clattering."""
    rng = np.random.default_rng(2)
    quarter = samples // 4
    pink = _pink(samples, rng)
    steps = np.repeat(rng.uniform(0, 1, 4 * samples // SAMPLE_RATE + 4) ** 2, SAMPLE_RATE // 4)
    gusts = np.convolve(steps, np.full(800, 1 / 800), mode="same")[:samples]
    sound = 0.05 * pink
    sound[:quarter] = 0.05 * rng.standard_normal(quarter)
    sound[2 * quarter :] = 0.15 * (pink * gusts)[2 * quarter :]
    time = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    clatter = np.zeros(samples)
    for start in rng.integers(3 * quarter, samples - len(time), 3 * quarter // SAMPLE_RATE):
        clatter[start : start + len(time)] += rng.standard_normal(len(time)) * np.exp(-40 * time)
    sound[3 * quarter :] = (0.15 * clatter + 0.005 * pink)[3 * quarter :]
    return sound.astype(np.float32)


def tones(samples: int) -> Sound:
    """By turns a beep, a gated sine, a siren and a dial of two tones."""
    time = np.arange(samples) / SAMPLE_RATE
    turn = (4 * np.arange(samples) // samples).clip(max=3)
    beep = np.sin(2 * np.pi * 1000 * time) * (time % 1 < 0.3)
    gated = np.sin(2 * np.pi * 440 * time) * (time % 2 < 1)
    siren = np.sin(2 * np.pi * np.cumsum(700 + 300 * np.sin(2 * np.pi * 0.4 * time)) / SAMPLE_RATE)
    dial = (np.sin(2 * np.pi * 770 * time) + np.sin(2 * np.pi * 1336 * time)) / 2 * (time % 0.4 < 0.2)
    return (0.3 * np.choose(turn, [beep, gated, siren, dial])).astype(np.float32)


def music(samples: int) -> Sound:
    """By turns an organ, a piano and a violin, chords and melodies in a major key."""
    rng = np.random.default_rng(3)
    sound = np.zeros(samples)
    for index, instrument in enumerate((_organ, _piano, _violin)):
        position, end = index * samples // 3, (index + 1) * samples // 3
        while position < end:
            seconds = float(rng.choice((0.25, 0.5, 0.75, 1.0)))
            hertz = 220 * 2 ** (rng.choice(MAJOR) / 12)
            chord = (1.0, 2 ** (4 / 12), 2 ** (7 / 12)) if instrument is not _violin and rng.random() < 0.5 else (2.0,)
            time = np.arange(min(round(seconds * SAMPLE_RATE), end - position)) / SAMPLE_RATE
            for step in chord:
                sound[position : position + len(time)] += 0.1 * instrument(hertz * step, time, seconds)
            position += len(time)
    return sound.astype(np.float32)


SOUNDS: Mapping[str, Callable[[int], Sound]] = {"silence": silence, "noise": noise, "tones": tones, "music": music}


def _organ(hertz: float, time: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    edges = np.minimum(1, np.minimum(time / 0.03, (seconds - time) / 0.05))
    return np.asarray(_harmonics(2 * np.pi * hertz * time, (1, 0.5, 0.33, 0.25, 0.2, 0.1)) * edges)


def _piano(hertz: float, time: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    envelope = np.exp(-3 * time) * np.minimum(1, time / 0.005)
    return np.asarray(_harmonics(2 * np.pi * hertz * time, (1, 0.6, 0.4, 0.2, 0.1, 0.05)) * envelope)


def _violin(hertz: float, time: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.006 * np.sin(2 * np.pi * 5.5 * time))) / SAMPLE_RATE
    edges = np.minimum(1, np.minimum(time / 0.08, (seconds - time) / 0.1))
    return _harmonics(phase, (1, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15)) * edges


def _harmonics(phase: NDArray[np.float64], levels: tuple[float, ...]) -> NDArray[np.float64]:
    waves = [level * np.sin(order * phase) for order, level in enumerate(levels, start=1)]
    return np.asarray(np.sum(waves, axis=0), dtype=np.float64)


def _pink(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    sound = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 20)), samples)
    return np.asarray(sound / sound.std(), dtype=np.float64)
