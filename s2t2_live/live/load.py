"""The load ladder: what to leave out when inference cannot keep up. Knows no thread and no clock but the audio's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from s2t2_live.errors import SettingsError


class Level(IntEnum):
    """The rungs, from everything to the least."""

    NORMAL = 0
    COALESCE = 1
    """Of the partials that wait, only the latest is computed."""
    FINALS_ONLY = 2
    """No partials."""
    GREEDY = 3
    """Finals without beam search."""
    SPOOL = 4
    """New audio waits on disk."""

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """Backlogs in seconds of audio. Raises SettingsError when they do not rise."""

    coalesce: float = 2.0
    """Above this, only the latest partial is computed."""
    finals_only: float = 4.0
    """Above this, no partials."""
    greedy: float = 8.0
    """Above this, finals without beam search."""
    spool: float = 30.0
    """Above this, new audio waits on disk: about so much, and a segment, is the most that is in memory."""
    hold: float = 3.0
    """A step down waits until the backlog has been under half of the step's threshold for so long."""
    spool_limit: float = 3_600.0
    """The most audio that waits on disk; 3.8 MB a minute. What comes while it is full is lost, and a gap says so."""

    def __post_init__(self) -> None:
        if not 0 < self.coalesce < self.finals_only < self.greedy < self.spool:
            raise SettingsError(
                f"The backlogs of the load ladder must rise: coalesce {self.coalesce}, finals_only "
                f"{self.finals_only}, greedy {self.greedy}, spool {self.spool}."
            )
        if not 0 <= self.spool_limit < math.inf:
            raise SettingsError(f"The limit of the spool is {self.spool_limit} s; it must be at least 0.")


class LoadLadder:
    """Climbs at once, as far as the backlog demands; comes down one rung at a time, and only when it lasts."""

    def __init__(self, settings: LoadSettings) -> None:
        self._hold = settings.hold
        self._thresholds = (settings.coalesce, settings.finals_only, settings.greedy, settings.spool)
        self._relaxed_since: float | None = None
        self.level = Level.NORMAL

    def update(self, backlog: float, now: float) -> bool:
        """Take the backlog, in seconds, at a time on the audio's clock; whether the level changed."""
        demanded = Level(sum(backlog > threshold for threshold in self._thresholds))
        if demanded > self.level:
            self.level = demanded
            self._relaxed_since = None
            return True
        if self.level is Level.NORMAL or backlog > self._thresholds[self.level - 1] / 2:
            self._relaxed_since = None
            return False
        if self._relaxed_since is None:
            self._relaxed_since = now
        if now - self._relaxed_since < self._hold:
            return False
        self.level = Level(self.level - 1)
        self._relaxed_since = None
        return True
