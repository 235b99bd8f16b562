"""When to show which words while a segment is still being spoken. Knows no thread and no event."""

from __future__ import annotations

from dataclasses import dataclass

POLICIES = ("local-agreement", "final-only")
"""Names that `PolicySettings.name` takes; the first is the default."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    name: str = POLICIES[0]
    step: float = 0.5
    """Seconds of audio between two looks at a segment."""
    beam_size: int = 1
    """Of the looks; the final has its own."""
