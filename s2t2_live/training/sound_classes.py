"""Fits the weights of `SpeechCheck`: speech of the training voices, clean and degraded, against sounds without words.

`python -m s2t2_live.training.sound_classes` writes `assets/speech_check.json`. Knows no model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import trange

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.speech_check import OUTLIER, statistics
from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation.logistic import fit_logistic
from s2t2_live.training.amounts import count
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.wordless import wordless_sound

RIDGE = 30.0
DIGITS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m s2t2_live.training.sound_classes", description=__doc__)
    parser.add_argument("--speech", type=Path, default=Path(".work/speech"), help="shards (default: %(default)s)")
    parser.add_argument("--count", type=count, default=1200, help="stretches of each class (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="default: the file that ships with the program")
    options = parser.parse_args(arguments)
    try:
        body = fit(SpeechShards(options.speech, "00000"), options.count)
        target = options.output or asset("speech_check.json")
    except S2T2Error as error:
        print(f"sound_classes: {error}", file=sys.stderr)
        return error.exit_code
    target.write_text(json.dumps(body) + "\n", encoding="utf-8")
    print(f"{target}: written", file=sys.stderr)
    return 0


def fit(speech: SpeechShards, count: int, *, seed: int = 0) -> dict[str, object]:
    """The weights as `SpeechCheck.from_dict` reads them."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in trange(count, desc="fitting", unit="pair"):
        rows.append(statistics(_spoken(speech.audio(int(rng.integers(len(speech)))), rng)))
        rows.append(statistics(_wordless(round(rng.uniform(0.5, 6) * SAMPLE_RATE), rng)))
    table = np.array(rows)
    mean, scale = table.mean(0), table.std(0) + 1e-9
    scaled = np.clip((table - mean) / scale, -OUTLIER, OUTLIER)
    found = fit_logistic(np.column_stack([scaled, scaled**2]), np.tile([1.0, 0.0], count), ridge=RIDGE)
    linear, square = np.split(found.weights, 2)
    arrays = {"mean": mean, "scale": scale, "linear": linear, "square": square}
    return {
        **{name: values.round(DIGITS).tolist() for name, values in arrays.items()},
        "bias": round(found.bias, DIGITS),
    }


def _spoken(utterance: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """All or a part of an utterance, clean or with noise, in a room or not, at any level."""
    samples = utterance.astype(np.float64)
    if rng.random() < 0.5:
        length = min(len(samples), round(rng.uniform(0.5, 2) * SAMPLE_RATE))
        start = int(rng.integers(len(samples) - length + 1))
        samples = samples[start : start + length]
    if rng.random() < 0.4:
        samples = samples + _coloured(len(samples), rng) * samples.std() * 10 ** (-rng.uniform(5, 30) / 20)
    if rng.random() < 0.3:
        time = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
        room = rng.standard_normal(len(time)) * np.exp(-time * rng.uniform(12, 60))
        room[0] = room.std() * rng.uniform(5, 40)
        samples = np.convolve(samples, room)[: len(samples)]
    return _levelled(samples, rng)


def _wordless(samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A sound without words, its loudness moved by a random curve or not, with noise or without."""
    kind = rng.random()
    if kind < 0.3:
        sound = _coloured(samples, rng)
    elif kind < 0.6:
        sound = _melody(samples, rng)
    else:
        sound = wordless_sound(samples, rng).astype(np.float64)
    if rng.random() < 0.4:
        points = 2 + round(samples / SAMPLE_RATE * rng.uniform(2, 12))
        curve = rng.uniform(0, 1, points) ** rng.uniform(1, 4)
        sound = sound * np.interp(np.linspace(0, points - 1, samples), np.arange(points), curve)
    if rng.random() < 0.5:
        sound = sound + _coloured(samples, rng) * sound.std() * 10 ** (-rng.uniform(5, 40) / 20)
    return _levelled(sound, rng)


def _melody(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Notes or chords, held or plucked, with overtones of an instrument drawn at random, with vibrato or without."""
    levels = np.arange(1, 10) ** -rng.uniform(0.3, 2.5) * rng.uniform(0.3, 1, 9)
    base, beat, voices = rng.uniform(80, 900), rng.uniform(0.12, 1.2), int(rng.integers(1, 5))
    decay, attack, vibrato = rng.uniform(0, 8), rng.uniform(0.003, 0.1), rng.uniform(0, 0.01) * (rng.random() < 0.4)
    sound = np.zeros(samples)
    start = 0
    while start < samples:
        seconds = beat * rng.choice((0.5, 1, 1.5, 2))
        time = np.arange(min(samples - start, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE
        edges = np.minimum(1, np.minimum(time / attack, (seconds - time) / 0.03)) * np.exp(-decay * time)
        for _ in range(voices if rng.random() < 0.9 else 0):
            hertz = base * 2 ** (rng.integers(-12, 13) / 12)
            phase = 2 * np.pi * np.cumsum(hertz * (1 + vibrato * np.sin(11 * np.pi * time))) / SAMPLE_RATE
            for order, level in enumerate(levels, start=1):
                if order * hertz < SAMPLE_RATE / 2:
                    sound[start : start + len(time)] += level * edges * np.sin(order * phase)
        start += max(len(time), 1)
    return sound


def _coloured(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of unit variance, from white to deep, of all frequencies or of a band."""
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    shape = np.maximum(frequencies, 30) ** -rng.uniform(0, 1.3)
    if rng.random() < 0.4:
        shape = shape * np.exp(-0.5 * ((frequencies - rng.uniform(200, 5000)) / rng.uniform(100, 3000)) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * shape, samples)
    return noise / max(float(noise.std()), 1e-12)


def _levelled(samples: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """At a level from 15 to 45 decibels below full scale."""
    level = 10 ** (-rng.uniform(15, 45) / 20)
    return np.asarray(samples * (level / max(float(samples.std()), 1e-6)), dtype=np.float32)


if __name__ == "__main__":
    sys.exit(main())
