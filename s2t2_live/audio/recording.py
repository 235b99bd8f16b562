"""A source that plays a recording: a file of any rate and channel count that libsndfile reads. Knows no engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from s2t2_live.audio.chunk import AudioChunk, AudioGap

Pace: TypeAlias = Literal["realtime", "max"]


class Recording:
    """A `Source` that delivers a file at the pace of a listener, or as fast as it is taken."""

    name: str
    sample_rate: int
    duration: float | None
    real_time: bool

    def __init__(self, path: Path, *, pace: Pace) -> None:
        """Raises RecordingError when the file cannot be read as audio."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[AudioChunk | AudioGap]:
        raise NotImplementedError

    def now(self) -> float:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError
