"""Work that takes its time, on a thread of its own, with its outcome on the UI thread. Knows not what the work is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from s2t2_live.errors import S2T2Error

log = logging.getLogger(__name__)


class Background(QObject):
    """Runs functions on daemon threads. What it has not finished when the program ends is left behind."""

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[], Any],
        *,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Call `work` on a new thread, then `done` with its result or `failed` with its error on the UI thread."""
        threading.Thread(target=self._work, args=(work, done, failed), name="background", daemon=True).start()

    def close(self) -> None:
        """Deliver no more outcomes."""
        with self._lock:
            self._closed = True

    def _work(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[Exception], None] | None,
    ) -> None:
        outcome: Any
        try:
            outcome, deliver = work(), done
        except Exception as error:
            if not (self._closed or isinstance(error, S2T2Error | OSError)):
                log.error("an unexpected failure", exc_info=error)
            outcome, deliver = error, failed
        # The lock keeps the object alive on the C++ side while it emits.
        with self._lock:
            if deliver is not None and not self._closed:
                self._finished.emit(deliver, outcome)

    @Slot(object, object)
    def _deliver(self, deliver: Callable[[Any], None], outcome: Any) -> None:
        if not self._closed:
            deliver(outcome)
