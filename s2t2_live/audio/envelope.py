"""The shape of a recording, for a picture of it. Knows no window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.errors import RecordingError

STEP = 0.02
"""Seconds that one peak stands for."""


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """The loudest sample of each `STEP` of a recording."""

    peaks: NDArray[np.float32]
    """Shape (n,), 0 to 1."""
    duration: float
    """Seconds."""


def read_envelope(path: Path) -> Envelope:
    """Read the recording as far as it can be read. Raises RecordingError where that is not at all."""
    step = round(STEP * SAMPLE_RATE)
    peaks: list[NDArray[np.float32]] = []
    rest = np.zeros(0, dtype=np.float32)
    count = 0
    try:
        for chunk in Recording(path, pace="max"):
            count += len(chunk.samples)
            samples = np.abs(np.concatenate([rest, chunk.samples]))
            whole = len(samples) // step * step
            peaks.append(samples[:whole].reshape(-1, step).max(axis=1))
            rest = samples[whole:]
    except RecordingError:
        if not count:
            raise
    if len(rest):
        peaks.append(rest.max(keepdims=True))
    return Envelope(np.concatenate([np.zeros(0, dtype=np.float32), *peaks]), count / SAMPLE_RATE)
