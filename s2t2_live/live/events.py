"""The events of a session: frozen, in seconds on the source's clock. They know no thread and no sink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias

EndReason: TypeAlias = Literal["pause", "limit", "stop"]

PAUSED = "paused"
"""The reason of a gap that the user asked for."""
OUTAGE = "is lost: it delivers nothing any more. Listening goes on when it is back."
"""What an error says of a device, behind its name."""
UNCERTAIN = 0.5
"""The confidence below which a reader is warned."""


@dataclass(frozen=True, slots=True)
class SessionStarted:
    type: ClassVar[str] = "session"
    model: str
    device: str
    precision: str
    policy: str
    source: str
    sample_rate: int
    """Hertz, of the source before resampling."""
    version: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    type: ClassVar[str] = "speech_started"
    segment: int
    start: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    type: ClassVar[str] = "speech_ended"
    segment: int
    start: float
    end: float
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Partial:
    """A caption in the making. `committed` only ever grows, by whole words; `tentative` may change."""

    type: ClassVar[str] = "partial"
    segment: int
    start: float
    end: float
    """How much of the audio has been seen."""
    committed: str
    tentative: str
    compute: float
    """Seconds of inference."""

    @property
    def text(self) -> str:
        """Committed and tentative as one line; punctuation stands close to the word before it."""
        space = " " if self.committed and self.tentative and self.tentative[0] not in ".,;:?!" else ""
        return self.committed + space + self.tentative


@dataclass(frozen=True, slots=True)
class Final:
    """The caption of a whole segment; exactly one for each segment."""

    type: ClassVar[str] = "final"
    segment: int
    start: float
    end: float
    text: str
    compute: float
    lag: float
    """Emission minus end of speech, seconds.

    On the clock of whoever listens. A recording that is translated as fast as possible has no listener: there it is the
    audio that it took to know of the end, plus the computing.
    """
    confidence: float | None = None
    """0 to 1, or None where the model has none."""
    revised: bool = False
    """Whether the text does not start with what was last committed."""

    @property
    def uncertain(self) -> bool:
        """Whether the model is so unsure that a reader should know."""
        return self.confidence is not None and self.confidence < UNCERTAIN


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio that was lost, and why. Always shown."""

    type: ClassVar[str] = "gap"
    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    type: ClassVar[str] = "load"
    level: str
    backlog: float
    """Seconds of audio heard and not yet translated."""


@dataclass(frozen=True, slots=True)
class Error:
    type: ClassVar[str] = "error"
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Summary:
    type: ClassVar[str] = "summary"
    audio: float
    """Seconds that were heard; pauses and what an input lost are not among them."""
    segments: int
    real_time_factor: float
    latency: Mapping[str, float | None]
    """`median` and `p95` of the finals' lag, seconds; None without finals."""
    normalized_erasure: float
    """Words shown and taken back, divided by words of the finals (Arivazhagan et al. 2020, arXiv 2004.03643)."""


Event: TypeAlias = SessionStarted | SpeechStarted | SpeechEnded | Partial | Final | Gap | Load | Error | Summary


def to_dict(event: Event) -> dict[str, Any]:
    """The event as a JSON object: `type` first, then its fields; false `revised` is left out."""
    body = asdict(event)
    if isinstance(event, Final) and not event.revised:
        del body["revised"]
    return {"type": event.type, **body}


def from_dict(body: Mapping[str, Any]) -> Event:
    """The inverse of `to_dict`. Raises KeyError for an unknown `type`."""
    kinds: dict[str, type[Event]] = {
        kind.type: kind
        for kind in (SessionStarted, SpeechStarted, SpeechEnded, Partial, Final, Gap, Load, Error, Summary)
    }
    kind = kinds[body["type"]]
    known = {field.name for field in fields(kind)}
    return kind(**{key: value for key, value in body.items() if key in known})
