"""The mel scale (O'Shaughnessy 1987), and products of spectra with filters on it. Knows no filter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def to_mel(hertz: ArrayLike) -> Array:
    """Of each frequency its place on the scale."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz, dtype=np.float64) / 700), dtype=np.float64)


def to_hertz(mel: ArrayLike) -> Array:
    """The inverse of `to_mel`."""
    return np.asarray(700 * (10 ** (np.asarray(mel, dtype=np.float64) / 2595) - 1), dtype=np.float64)


def products(rows: Array, columns: NDArray[np.floating[Any]]) -> Array:
    """Of each with each, (rows, columns). Not by `@`, whose OpenBLAS has threads that go on spinning for milliseconds
    afterwards, on the cores that the model is to run on.
    """
    return np.asarray(np.einsum("ri,ci->rc", rows, columns), dtype=np.float64)
