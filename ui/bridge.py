"""The one way from the engine into the window: a sink that hands on events in batches, on the UI thread.

Knows neither the engine nor any widget.
"""

from __future__ import annotations

import threading

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal, Slot

from s2t2_live.live.events import Event, Final, Partial

INTERVAL = 100
"""Milliseconds between two batches, at least."""


class Bridge(QObject):
    """A sink, called on the publisher's thread, that lives on the UI thread.

    A batch is a list of events in their order. Of the partials of one segment that meet in a batch only the latest
    is left, so a batch stays small however fast the engine is.
    """

    events = Signal(list)
    _wanted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._pending: list[Event] = []
        self._closed = False
        self._since_last = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.flush)
        self._wanted.connect(self._plan, Qt.ConnectionType.QueuedConnection)

    def handle(self, event: Event) -> None:
        """From any thread."""
        with self._lock:
            if self._closed:
                return
            first = not self._pending
            self._add(event)
        if first:
            self._wanted.emit()

    def close(self) -> None:
        """From any thread; events that come later are dropped, those that wait are still delivered."""
        with self._lock:
            self._closed = True

    @Slot()
    def flush(self) -> None:
        """Deliver what waits, now; on the UI thread."""
        self._timer.stop()
        with self._lock:
            batch, self._pending = self._pending, []
        if batch:
            self._since_last.start()
            self.events.emit(batch)

    def _add(self, event: Event) -> None:
        if isinstance(event, Partial | Final):
            self._pending = [
                other for other in self._pending if not (isinstance(other, Partial) and other.segment == event.segment)
            ]
        self._pending.append(event)

    @Slot()
    def _plan(self) -> None:
        passed = self._since_last.elapsed() if self._since_last.isValid() else INTERVAL
        self._timer.start(max(0, INTERVAL - passed))
