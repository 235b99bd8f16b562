"""What the user can listen to, and how it becomes a source of the engine. Knows no widget.

The functions here open devices and files; they take their time and belong on a background thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from s2t2_live.audio.chunk import Source


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """A microphone, or the sound that the system plays."""

    id: str
    name: str
    kind: Literal["microphone", "system"]
    default: bool = False


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


SourceChoice: TypeAlias = DeviceChoice | FileChoice


def open_source(choice: SourceChoice) -> Source:
    """Raises DeviceError or RecordingError, one sentence for the user."""
    from s2t2_live.audio.recording import Recording

    assert isinstance(choice, FileChoice)
    return Recording(choice.path, pace="realtime")
