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

NO_MICROPHONE = "No microphone found"
CONNECT_ONE = "Connect one, and allow this program to use it in the settings of your system."
NOT_THERE = "The chosen source is not there"
CHOOSE_ANOTHER = "Choose another source, or connect that one again."


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
    missing: str = ""
    """What is not there, in a few words; empty where there is a preferred one."""
    way_out: str = ""
    """What helps against that."""


def sample() -> FileChoice | None:
    """The shipped recording; None in an installation without it."""
    try:
        return FileChoice(asset(SAMPLE))
    except FileNotFoundError:
        return None


def find_inputs(settings: InputSettings) -> Inputs:
    """The inputs there are now."""
    from s2t2_live.audio.devices import choose, list_inputs

    try:
        devices = list_inputs()
    except DeviceError as error:
        return Inputs(missing=NO_MICROPHONE, way_out=str(error))
    there = tuple(devices)
    try:
        if settings.system_audio:
            return Inputs(there, choose(devices, None, "system"))
        return Inputs(there, choose(devices, settings.device))
    except DeviceError as error:
        if settings.system_audio:
            return Inputs(there, missing=NOT_THERE, way_out=str(error))
        if settings.device is None or not there:
            return Inputs(there, missing=NO_MICROPHONE, way_out=CONNECT_ONE)
        return Inputs(there, missing=NOT_THERE, way_out=CHOOSE_ANOTHER)


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
