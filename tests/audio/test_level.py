"""What a level meter shows."""

from __future__ import annotations

import numpy as np
import pytest

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.level import FLOOR, Level, LevelMeter, ZeroCounter


def heard(*pieces: np.ndarray, block: int = 320) -> Level:
    """The level after these pieces, in chunks."""
    meter = LevelMeter()
    samples = np.concatenate(pieces).astype(np.float32)
    for start in range(0, len(samples), block):
        meter.hear(AudioChunk(samples[start : start + block], start))
    return meter.level


def tone(seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 1_000 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def test_before_anything_is_heard() -> None:
    assert LevelMeter().level == Level(FLOOR, FLOOR, clipped=False, silent=False, position=0.0)


@pytest.mark.parametrize("block", [100, 320, 16_000])
def test_a_tone(block: int) -> None:
    level = heard(tone(1.0, 0.5), block=block)
    assert level.peak == pytest.approx(-6.02, abs=0.05)
    assert level.rms == pytest.approx(-9.03, abs=0.05)
    assert (level.clipped, level.silent, level.position) == (False, False, 1.0)


def test_it_is_the_level_of_the_last_moments() -> None:
    assert heard(tone(1.0, 1.0), tone(0.1, 0.01)).peak == pytest.approx(-40.0, abs=0.1)


def test_clipping() -> None:
    assert heard(tone(1.0, 0.1), np.clip(tone(0.05, 3.0), -1, 1)).clipped
    assert not heard(tone(1.0, 0.9)).clipped


def test_only_exact_zeros_are_silent() -> None:
    assert not heard(np.zeros(SAMPLE_RATE * 29 // 10)).silent
    level = heard(tone(1.0, 0.5), np.zeros(SAMPLE_RATE * 31 // 10))
    assert (level.silent, level.rms, level.peak) == (True, FLOOR, FLOOR)
    assert not heard(np.full(5 * SAMPLE_RATE, 1e-7)).silent


def test_zeros_are_counted_from_the_last_other_sample() -> None:
    counter = ZeroCounter()
    assert counter.count(np.zeros((5, 2), dtype=np.float32), 10) == 0.5
    assert counter.count(np.array([[0, 0], [0, 1], [0, 0]], dtype=np.float32), 10) == 0.1
    assert counter.count(np.zeros((20, 2), dtype=np.float32), 10) == 2.1
    assert counter.count(np.zeros((0, 2), dtype=np.float32), 10) == 2.1
    assert counter.count(np.zeros((20, 2), dtype=np.float32), 100) == 0.2, "at another rate it begins again"
