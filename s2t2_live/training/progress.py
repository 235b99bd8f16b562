"""Where a training is, and who is told. Knows nothing of what is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Progress:
    """Where a run is; saved with every state."""

    minutes: float = 0.0
    updates: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches done in this epoch."""
    heard: float = 0.0
    """Hours of audio."""
    best: float = -1.0
    """Highest BLEU of all evaluations, -1 before the first."""
    stale: int = 0
    """Evaluations since then."""
    evaluated: int = 0
    """Updates before the last evaluation."""


Report = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what while a trainer trains."""

    report: Report = lambda line: None
    """Figures, every hundred updates and after every evaluation."""
    advance: Callable[[Progress], None] = lambda progress: None
    """After every update."""
    improved: Callable[[], None] = lambda: None
    """The model has its best BLEU yet."""
