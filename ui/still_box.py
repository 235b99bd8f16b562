"""A list to choose from that the wheel leaves alone. Knows nothing of what is in it."""

from __future__ import annotations

from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox


class StillBox(QComboBox):
    """Scrolling past it chooses nothing: a choice may end a session or begin a download."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
