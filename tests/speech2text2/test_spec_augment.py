"""SpecAugment masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2t2_live.errors import AudioInputError
from s2t2_live.speech2text2.spec_augment import span_mask


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.floats(0, 1), st.integers(1, 10), st.integers(0, 3))
def test_masks_stay_within_the_valid_part(lengths: list[int], probability: float, span: int, minimum: int) -> None:
    mask = span_mask(lengths, 40, probability, span, minimum)
    assert mask.shape == (len(lengths), 40)
    for row, length in zip(mask, lengths, strict=True):
        # Where other rows have spans, a row without room for one masks the last position, which is padding.
        assert not row[length:-1].any()


def test_share_of_masked_positions() -> None:
    np.random.seed(0)
    mask = span_mask([1000] * 20, 1000, 0.2, 10, 0)
    assert 0.15 < mask.float().mean() < 0.2


def test_a_span_longer_than_the_axis_is_refused() -> None:
    with pytest.raises(AudioInputError, match="longer audio"):
        span_mask([5], 5, 0.5, 6, 0)
