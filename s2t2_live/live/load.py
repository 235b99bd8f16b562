"""The load ladder: what to leave out when inference cannot keep up. Knows no thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """Backlogs in seconds of audio."""

    coalesce: float = 2.0
    """Above this, only the latest partial is computed."""
    finals_only: float = 4.0
    """Above this, no partials."""
    greedy: float = 8.0
    """Above this, finals without beam search."""
    hold: float = 3.0
    """A step down waits until the backlog has been under half of the step's threshold for so long."""
