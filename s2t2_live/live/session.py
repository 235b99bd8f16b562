"""A session: wires a source, the engine and sinks; starts, drains and stops them. Knows no device and no format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from s2t2_live.audio.chunk import Source
from s2t2_live.audio.segmenter import SegmenterSettings
from s2t2_live.live.events import Event, Summary
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.load import LoadSettings
from s2t2_live.live.policy import PolicySettings


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that changes what the engine does with the audio."""

    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    vad: str = "webrtc"
    policy: PolicySettings = field(default_factory=PolicySettings)
    beam_size: int = 5
    """Of the finals."""
    load: LoadSettings = field(default_factory=LoadSettings)


class Sink(Protocol):
    """Where events go. All calls come from one thread, in the order of the events."""

    def handle(self, event: Event) -> None:
        """Take one event; an exception removes the sink from the session, which goes on with the others."""
        ...

    def close(self) -> None:
        """Called by the owner of the sink, never by the session."""
        ...


class Session:
    """One run from a source to its sinks."""

    summary: Summary | None
    """Set when the session has ended."""
    error: Exception | None
    """The first failure of the source, of a sink or of the engine: the reason for a non-zero exit code."""

    def __init__(
        self, source: Source, model: TranslationModel, *, settings: EngineSettings, sinks: Sequence[Sink]
    ) -> None:
        raise NotImplementedError

    @property
    def progress(self) -> float:
        """Seconds of audio that are done: every caption up to there is final."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin; returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop capture and drain what was heard. Idempotent; from any thread or a signal handler."""
        raise NotImplementedError

    def abort(self) -> None:
        """Drop everything that is pending. Idempotent; from any thread or a signal handler."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> bool:
        """Until all events have reached the sinks and the threads are gone; False when `timeout` passed first."""
        raise NotImplementedError
