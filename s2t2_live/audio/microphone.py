"""A microphone as a source. Knows no engine."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.capture import LiveSource
from s2t2_live.audio.chunk import AudioNotice
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.audio.keeper import Driver
from s2t2_live.audio.level import SILENCE, ZeroCounter


class Microphone(LiveSource):
    """A `Source` that listens to a microphone, and says so once when that delivers exact zeros.

    Rooms and converters are never exactly silent; a system that keeps a program from the microphone gives it zeros.
    """

    noun: ClassVar[str] = "microphone"

    def __init__(self, device: InputDevice, driver: Driver | None = None) -> None:
        super().__init__(device, driver)
        self._zeros = ZeroCounter()
        self._said = False

    def check(self, samples: NDArray[np.float32]) -> AudioNotice | None:
        if self._zeros.count(samples, self.sample_rate) < SILENCE or self._said:
            return None
        self._said = True
        return AudioNotice(
            f"{self.name} gives nothing but digital silence; check the microphone permission of this program in the "
            "system's settings, and that the microphone is not muted."
        )
