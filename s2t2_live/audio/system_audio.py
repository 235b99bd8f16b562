"""What the computer plays, as a source. Knows no engine."""

from __future__ import annotations

from typing import ClassVar

from s2t2_live.audio.capture import LiveSource


class SystemAudio(LiveSource):
    """A `Source` that listens to the monitor of an output, or to a loopback device.

    Digital silence is its normal state: nothing plays.
    """

    noun: ClassVar[str] = "system audio"
