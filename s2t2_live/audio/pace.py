"""The clock of somebody who listens to a recording: it runs at a speed, pauses and stops. Knows no file."""

from __future__ import annotations

import threading
import time


class ListeningClock:
    """Seconds on a recording's clock, from any thread. It stands still until `start` and while it is paused."""

    def __init__(self, *, speed: float) -> None:
        """`speed` is how many seconds of the recording pass in a second."""
        self._speed = speed
        self._changed = threading.Condition()
        self._position = 0.0
        self._since: float | None = None
        self._started = False
        self._paused = False
        self._stopped = False

    def start(self, position: float) -> None:
        """Run from this position, unless paused."""
        with self._changed:
            self._position = position
            self._started = True
            self._since = None if self._paused else time.monotonic()

    def pause(self) -> None:
        with self._changed:
            self._position = self._now()
            self._since = None
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            if self._paused:
                self._paused = False
                self._since = time.monotonic() if self._started else None
                self._changed.notify_all()

    def stop(self) -> None:
        """End all waiting, now and in future."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def now(self) -> float:
        with self._changed:
            return self._now()

    def wait(self, position: float) -> bool:
        """Until the clock runs and is past the position; False once it is stopped."""
        with self._changed:
            while not self._stopped:
                remaining = None if self._since is None else (position - self._now()) / self._speed
                if remaining is not None and remaining <= 0:
                    return True
                self._changed.wait(remaining)
            return False

    def _now(self) -> float:
        if self._since is None:
            return self._position
        return self._position + (time.monotonic() - self._since) * self._speed
