"""What is below the voice is taken out, the voice is not."""

import numpy as np
import pytest

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import CORNER, high_pass, pass_share


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.mark.parametrize("hertz", [150.0, 440.0, 3000.0, 7900.0])
def test_a_voice_passes_without_delay(hertz: float) -> None:
    after = high_pass(tone(hertz))
    assert after.dtype == np.float32
    assert np.abs(after - tone(hertz))[800:-800].max() < 0.02 * 0.3


def test_a_constant_offset_is_gone_from_end_to_end() -> None:
    assert np.allclose(high_pass(tone(440) + np.float32(0.5)), high_pass(tone(440)), atol=1e-5)


@pytest.mark.parametrize(("hertz", "share"), [(15.0, 0.0625), (30.0, 0.2425), (60.0, 0.7071), (120.0, 0.9701)])
def test_what_is_lower_passes_the_less(hertz: float, share: float) -> None:
    inside = slice(8_000, -8_000)
    assert high_pass(tone(hertz))[inside].std() / tone(hertz)[inside].std() == pytest.approx(share, abs=0.01)
    assert pass_share(np.array([hertz]))[0] == pytest.approx(share, abs=1e-3)


def test_the_end_does_not_ring_into_the_beginning() -> None:
    sound = np.zeros(8_000, dtype=np.float32)
    sound[-400:] = tone(100, 0.025)
    assert np.abs(high_pass(sound)[:4_000] - high_pass(sound)[:4_000].mean()).max() < 0.005


def test_half_of_the_power_passes_at_the_corner() -> None:
    assert pass_share(np.array([0.0, CORNER, 1e6])) == pytest.approx([0.0, 0.5**0.5, 1.0])


def test_one_sample_of_audio_is_no_voice() -> None:
    assert high_pass(np.ones(1, dtype=np.float32)) == pytest.approx([0.0])
