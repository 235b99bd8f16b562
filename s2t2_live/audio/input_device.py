"""What can be listened to, as the user chooses it. Knows neither PortAudio nor a sound server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["microphone", "system"]


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A microphone, or what the computer itself plays."""

    id: str
    """The sound system and its own name for the device: the same after a restart or in another socket."""
    name: str
    """For people."""
    kind: Kind
    channels: int
    sample_rate: int
    """Hertz, the device's own."""
    default: bool
    """Whether the system would choose it among those of its kind."""
