"""Is this frame speech? One interface and the WebRTC detector behind it. Knows no segments."""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import UsageError


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


def level(samples: NDArray[np.float32]) -> float:
    """Level in decibels below full scale, without the constant part; -100 for digital silence and below."""
    return 10.0 * math.log10(float(np.var(samples)) + 1e-10)


class NoiseFloor:
    """The level of the quietest moment of the last seconds.

    Speech has a dip between two words or before a plosive at least every second or two; steady noise, hum and tones
    have none. So what stays close to the floor is no speech, whatever its level.
    """

    def __init__(self, frame: int, *, window: float = 2.5, smoothing: float = 0.1, lowest: float = -66.0) -> None:
        """`frame` in samples, `window` and `smoothing` in seconds, `lowest` in decibels."""
        rate = SAMPLE_RATE / frame
        self._recent: deque[float] = deque(maxlen=max(1, round(smoothing * rate)))
        self._smoothed: deque[float] = deque(maxlen=max(1, round(window * rate)))
        self._lowest = lowest

    def update(self, decibels: float) -> float:
        """Take the level of the next frame; returns the floor."""
        self._recent.append(decibels)
        self._smoothed.append(sum(self._recent) / len(self._recent))
        return max(self._lowest, min(self._smoothed))


class WebRtcDetector:
    """The WebRTC voice activity detector, guarded by a noise floor: alone it takes steady noise for speech."""

    frame = SAMPLE_RATE // 50

    def __init__(self, *, aggressiveness: int = 3, margin: float = 6.0) -> None:
        """`aggressiveness` is WebRTC's, 0 to 3; speech must be `margin` decibels above the noise floor."""
        self._aggressiveness = aggressiveness
        self._margin = margin
        self.reset()

    def reset(self) -> None:
        self._vad = webrtcvad.Vad(self._aggressiveness)
        self._floor = NoiseFloor(self.frame)

    def is_speech(self, frame: NDArray[np.float32]) -> bool:
        pcm = np.clip(frame * 32768.0, -32768, 32767).astype("<i2").tobytes()
        voiced = self._vad.is_speech(pcm, SAMPLE_RATE)
        decibels = level(frame)
        return decibels > self._floor.update(decibels) + self._margin and voiced


DETECTORS = ("webrtc", "silero")
"""Names that `make_detector` takes; the first is the default."""


def make_detector(name: str) -> VoiceDetector:
    """A fresh detector. Raises UsageError for an unknown name, and for one whose package is not installed."""
    if name == "webrtc":
        return WebRtcDetector()
    if name == "silero":
        from s2t2_live.audio.silero import SileroDetector

        return SileroDetector()
    raise UsageError(f"There is no voice detector {name!r}; there are: {', '.join(DETECTORS)}.")
