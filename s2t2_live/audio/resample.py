"""One stateful resampler from any rate to the engine's. Knows no source."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE


class Resampler:
    """Brings a mono stream to `SAMPLE_RATE`; the output does not depend on how the input is cut into blocks.

    The filter keeps its state between blocks, so there are no seams and no drift: n samples at `rate` become
    n * SAMPLE_RATE / rate samples, rounded once, at the end of the stream.
    """

    def __init__(self, rate: int) -> None:
        """`rate` is the input's, in hertz."""
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32") if rate != SAMPLE_RATE else None

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output that is ready after these samples, shape (n,); some milliseconds stay inside the filter."""
        if self._stream is None:
            return samples
        ready: NDArray[np.float32] = self._stream.resample_chunk(samples)
        return ready

    def flush(self) -> NDArray[np.float32]:
        """The rest, at the end of the stream; the resampler cannot be used afterwards."""
        empty = np.zeros(0, dtype=np.float32)
        if self._stream is None:
            return empty
        rest: NDArray[np.float32] = self._stream.resample_chunk(empty, last=True)
        return rest
