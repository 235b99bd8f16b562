"""Is this frame speech? One interface and the WebRTC detector behind it. Knows no segments."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class VoiceDetector(Protocol):
    """Decides frame by frame, in order; may keep state between frames."""

    frame: int
    """Samples per frame at `SAMPLE_RATE`."""

    def is_speech(self, frame: NDArray[np.float32]) -> bool:
        """Whether this frame, shape (self.frame,), is speech."""
        ...

    def reset(self) -> None:
        """Forget the stream so far: what follows is not connected with it."""
        ...


DETECTORS = ("webrtc",)
"""Names that `make_detector` takes."""


def make_detector(name: str) -> VoiceDetector:
    """A fresh detector. Raises UsageError for an unknown name."""
    raise NotImplementedError
