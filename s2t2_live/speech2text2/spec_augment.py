"""SpecAugment masks (Park et al. 2019, https://arxiv.org/abs/1904.08779). Knows nothing of models.

Draws from numpy's global generator in the order of 4.37.2, so that `numpy.random.seed` gives the same masks in both.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from s2t2_live.errors import AudioInputError


def span_mask(lengths: list[int], size: int, probability: float, span: int, minimum: int) -> Tensor:
    """Random spans to mask, for every row of a batch.

    Args:
        lengths: valid positions of each row, at most `size`.
        size: length of the masked axis.
        probability: share of the axis that would be masked if spans did not overlap.
        span: length of a span.
        minimum: fewest spans in a row, as far as they fit.

    Returns:
        A boolean tensor `(len(lengths), size)`, true where masked.

    Raises:
        AudioInputError: the axis is shorter than one span.
    """
    if not 1 <= span <= size:
        raise AudioInputError(f"A mask span of {span} does not fit on an axis of {size}; give longer audio.")
    rounding = np.random.rand(1).item()

    def spans_for(length: int) -> int:
        spans = max(int(probability * length / span + rounding), minimum)
        return min(spans, size // span, max(length - span + 1, 0))

    mask = np.zeros((len(lengths), size), dtype=bool)
    most = spans_for(size)
    if most == 0:
        return torch.from_numpy(mask)
    for row, length in zip(mask, lengths, strict=True):
        spans = spans_for(length)
        starts = np.random.choice(np.arange(length - span + 1), spans, replace=False)
        # Rows with no room for a span mask their last position, which is padding, where others have spans.
        if spans == 0:
            row[-1] = True
        for start in starts:
            row[start : start + span] = True
    return torch.from_numpy(mask)
