"""A list to choose from in which nothing is chosen by the way. Knows nothing of what is in it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox

MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End)
"""Keys that would choose another item at once, as letters would."""


class StillBox(QComboBox):
    """While it is closed, neither wheel nor key chooses anything: a choice may end a session or begin a download."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in MOVES or (event.text() and event.text().isprintable()):
            self.showPopup()
        else:
            super().keyPressEvent(event)
