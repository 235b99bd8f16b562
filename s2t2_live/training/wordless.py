"""Sounds in which nobody speaks, from which a model learns to say nothing: silence, noises, hum, tones, music of sorts.

Knows neither speech nor models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE


def wordless_sound(samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One such sound of (samples,), peak at most 0.7, of a kind drawn at random, faint noise below it or not."""
    kinds = (_silence, _noise, _bursts, _hum, _tones, _music)
    sound = kinds[rng.integers(len(kinds))](samples, rng)
    if rng.random() < 0.5:
        sound = sound + 10 ** rng.uniform(-4, -1.5) * _noise(samples, rng)
    peak = np.abs(sound).max(initial=0.0)
    level = 10 ** rng.uniform(-2.0, -0.15)
    return np.asarray(sound * (level / peak) if peak > 0 else sound, dtype=np.float32)


def _silence(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.zeros(samples)


def _noise(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Coloured, from white to deeper than brown, of unit variance."""
    spectrum = rng.standard_normal(samples // 2 + 1) + 1j * rng.standard_normal(samples // 2 + 1)
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * np.maximum(frequencies, 40.0) ** -rng.uniform(0, 1.5), samples)
    return noise / max(float(noise.std()), 1e-12)


def _bursts(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Clicks, knocks and rustling: pieces of noise that begin suddenly and fade."""
    sound = np.zeros(samples)
    for _ in range(rng.integers(1, 3 + samples // SAMPLE_RATE * 3)):
        start = int(rng.integers(samples))
        decay = 10 ** rng.uniform(-2.5, -0.7)
        time = np.arange(min(samples - start, int(6 * decay * SAMPLE_RATE))) / SAMPLE_RATE
        if len(time) > 1:
            sound[start : start + len(time)] += rng.uniform(0.2, 1) * _noise(len(time), rng) * np.exp(-time / decay)
    return sound


def _hum(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Of the mains or a fan: a low tone and its harmonics, slowly swelling."""
    time = np.arange(samples) / SAMPLE_RATE
    base = rng.choice((50.0, 60.0, rng.uniform(30, 200)))
    sound = sum(
        rng.uniform(0, 1) / order * np.sin(2 * np.pi * (order * base * time + rng.random())) for order in range(1, 9)
    )
    return np.asarray(sound * (1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 3) * time)))


def _tones(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Beeps and whistles: one steady, gliding or interrupted tone."""
    time = np.arange(samples) / SAMPLE_RATE
    start, end = 10 ** rng.uniform(2, 3.6, 2)
    if rng.random() < 0.6:
        end = start
    phase = np.cumsum(np.linspace(start, end, samples)) / SAMPLE_RATE
    gate = (time * rng.uniform(0.5, 8)) % 1 < rng.uniform(0.2, 1.3)
    return np.asarray(np.sin(2 * np.pi * phase) * gate)


def _music(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Notes and chords of a scale, plucked or held, one after the other."""
    sound = np.zeros(samples)
    scale = (0, 2, 4, 5, 7, 9, 11) if rng.random() < 0.5 else (0, 2, 3, 5, 7, 8, 10)
    key, beat, decay = rng.uniform(36, 60), rng.uniform(0.12, 0.6), rng.uniform(0.1, 2.0)
    brightness = rng.uniform(0.5, 2.5)
    for start in range(0, samples, int(beat * SAMPLE_RATE)):
        time = np.arange(min(samples - start, int(2 * beat * SAMPLE_RATE))) / SAMPLE_RATE
        envelope = np.minimum(time / 0.01, 1) * np.exp(-time / decay)
        for _ in range(rng.integers(0, 4)):
            note = key + 12 * rng.integers(0, 3) + scale[rng.integers(len(scale))]
            hertz = 440 * 2 ** ((note - 69) / 12)
            for order in range(1, 6):
                wave = np.sin(2 * np.pi * (order * hertz * time + rng.random()))
                sound[start : start + len(time)] += order**-brightness * envelope * wave
    return sound
