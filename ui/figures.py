"""What the status line says in figures: how far the captions lag behind the voice. Knows no widget and no engine."""

from __future__ import annotations

from s2t2_live.live.events import Event, Final, Partial, SessionStarted
from ui.attendant import Measurement


class Figures:
    """Takes the events and measurements of one session after the other."""

    def __init__(self) -> None:
        self.lag: float | None = None
        """From the end of speech to the last caption, seconds; None before the first."""
        self.backlog = 0.0
        """Seconds of audio that wait for the model."""
        self.heard = 0.0
        """Where the source is, seconds."""
        self.done = 0.0
        """Where everything is translated up to, seconds."""
        self._compute = 0.0
        self._first: float | None = None

    def add(self, event: Event) -> None:
        match event:
            case SessionStarted():
                self.__init__()  # type: ignore[misc]
            case Partial(compute=compute):
                self._compute += compute
            case Final(compute=compute, lag=lag):
                self._compute += compute
                self.lag = lag

    def measure(self, measurement: Measurement) -> None:
        self.backlog = measurement.backlog
        self.heard = measurement.level.position
        self.done = measurement.progress
        if self._first is None and self.heard:
            self._first = self.heard

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of computing for one second of audio; below 1 keeps up. None before there is a second of audio."""
        audio = self.heard - (self._first or 0.0)
        return self._compute / audio if audio >= 1 else None
