"""Speech faster or slower: as long as it should be, at its own pitch, however it is cut into blocks."""

import numpy as np
import pytest

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.stretch import FRAME, SEARCH, Stretch

SECONDS = 3


def hum(frequency: float) -> np.ndarray:
    moments = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    return np.asarray(sum(np.sin(2 * np.pi * k * frequency * moments) / k for k in (1, 2, 3)) / 2, dtype=np.float32)


def stretched(samples: np.ndarray, speed: float, block: int = 1600) -> np.ndarray:
    stretch = Stretch(speed)
    return np.concatenate([stretch.push(samples[i : i + block]) for i in range(0, len(samples), block)])


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.25, 1.5, 2.0, 3.0])
def test_the_length_changes_and_the_pitch_does_not(speed: float) -> None:
    result = stretched(hum(130), speed)
    assert len(result) == pytest.approx(SECONDS * SAMPLE_RATE / speed, abs=2 * (FRAME + SEARCH) / speed)
    spectrum = np.abs(np.fft.rfft(result * np.hanning(len(result))))
    assert np.argmax(spectrum) * SAMPLE_RATE / len(result) == pytest.approx(130, abs=3)


@pytest.mark.parametrize("speed", [0.75, 1.5])
def test_no_clicks(speed: float) -> None:
    samples = hum(130)
    inner = stretched(samples, speed)[FRAME:]
    assert np.abs(np.diff(inner)).max() < 1.3 * np.abs(np.diff(samples)).max()


def test_the_blocks_do_not_matter() -> None:
    samples = np.random.default_rng(1).normal(size=SAMPLE_RATE).astype(np.float32)
    whole = stretched(samples, 1.5, block=SAMPLE_RATE)
    for block in (160, 999, 4000):
        np.testing.assert_allclose(stretched(samples, 1.5, block), whole, atol=1e-6)


def test_the_speed_of_life_changes_nothing() -> None:
    samples = hum(200)
    assert np.array_equal(stretched(samples, 1.0), samples)


def test_silence_stays_silent() -> None:
    assert not stretched(np.zeros(SAMPLE_RATE, dtype=np.float32), 2.0).any()
