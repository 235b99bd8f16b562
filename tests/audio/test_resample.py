"""The resampler: no seams, no drift."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.resample import Resampler


def resampled(signal: np.ndarray, rate: int, cuts: list[int]) -> np.ndarray:
    resampler = Resampler(rate)
    pieces = [resampler.push(piece) for piece in np.split(signal, sorted(cuts))]
    return np.concatenate([*pieces, resampler.flush()])


@settings(deadline=None)
@given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]),
    cuts=st.lists(st.integers(0, 20_000), max_size=12),
)
def test_blocks_make_no_difference(rate: int, cuts: list[int]) -> None:
    signal = np.random.default_rng(1).normal(0, 0.1, 20_000).astype(np.float32)
    whole = soxr.resample(signal, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else signal
    np.testing.assert_allclose(resampled(signal, rate, cuts), whole, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_an_impulse_stays_where_it_is(rate: int) -> None:
    """Two minutes in, at an odd block size, the clock is still right to the sample."""
    at = 120.0
    signal = np.zeros(round(122 * rate), dtype=np.float32)
    signal[round(at * rate)] = 1.0
    output = resampled(signal, rate, list(range(1_021, len(signal), 1_021)))
    assert abs(int(np.argmax(np.abs(output))) - round(at * SAMPLE_RATE)) <= 1
    assert abs(len(output) - 122 * SAMPLE_RATE) <= 1
