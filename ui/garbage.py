"""Collects Python's garbage on the UI thread. Knows no widget.

Python collects on whichever thread happens to allocate, and Qt's objects die of being freed on another thread than
their own: a dialog in a cycle of references would take the program with it.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL = 1000
"""Milliseconds between two looks at what has gathered."""


class GarbageCollector(QObject):
    """In place of Python's own, until `release`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    @Slot()
    def collect(self) -> None:
        """What is young, which takes no time; all that is there, when Python would."""
        due = gc.get_count()[2] > gc.get_threshold()[2]
        gc.collect(2 if due else 1)

    @Slot()
    def spare(self) -> None:
        """Never again look through what is there now: torch and a model are some hundred thousand objects."""
        gc.collect()
        gc.freeze()

    def release(self) -> None:
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
