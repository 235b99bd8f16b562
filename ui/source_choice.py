"""What the user can listen to, and how it becomes a source of the engine. Knows no widget.

The functions here talk to devices and files; they take their time and belong on a background thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from s2t2_live.assets import asset
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.errors import DeviceError, RecordingError
from s2t2_live.settings import InputSettings

if TYPE_CHECKING:
    from s2t2_live.audio.chunk import Source

SAMPLE = "recordings/hotel.flac"
"""The shipped recording that is offered to those who have no microphone."""

NO_MICROPHONE = "Connect one, and allow this program to use it in the settings of your system."


@dataclass(frozen=True, slots=True)
class FileChoice:
    """A recording, replayed."""

    path: Path
    start: float = 0.0
    """Seconds from the beginning of the recording."""
    speed: float = 1.0
    """Of the listener, as a factor."""

    @property
    def name(self) -> str:
        return self.path.name


SourceChoice: TypeAlias = InputDevice | FileChoice


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of the computer at one moment."""

    devices: tuple[InputDevice, ...] = ()
    preferred: InputDevice | None = None
    """The one that the settings name, or the default microphone; None where there is no such device."""
    trouble: str = ""
    """Why there is none; empty where there is one."""


def sample() -> FileChoice | None:
    """The shipped recording; None in an installation without it."""
    try:
        return FileChoice(asset(SAMPLE))
    except FileNotFoundError:
        return None


def find_inputs(settings: InputSettings) -> Inputs:
    """The inputs there are now."""
    from s2t2_live.audio.devices import choose, list_inputs

    devices: tuple[InputDevice, ...] = ()
    try:
        devices = tuple(list_inputs())
        if settings.system_audio:
            return Inputs(devices, choose(list(devices), None, "system"))
        if settings.device is None and not any(device.kind == "microphone" for device in devices):
            return Inputs(devices, trouble=NO_MICROPHONE)
        return Inputs(devices, choose(list(devices), settings.device))
    except DeviceError as error:
        return Inputs(devices, trouble=str(error))


def open_source(choice: SourceChoice) -> Source:
    """Raises DeviceError or RecordingError, one sentence for the user."""
    if isinstance(choice, FileChoice):
        from s2t2_live.audio.recording import Recording

        recording = Recording(choice.path, pace="realtime", start=choice.start, speed=choice.speed)
        if recording.duration == 0:
            raise RecordingError(f"{choice.path} has no audio in it (0 samples).")
        return recording
    from s2t2_live.assembly import live_source

    return live_source(choice)
