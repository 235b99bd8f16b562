"""The button over the captions that goes back to their end. Knows no captions."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtWidgets import QPushButton, QWidget

from ui.theme import LARGE, MEDIUM, Colours


class LiveButton(QPushButton):
    """Floats above the lower edge of what it belongs to; hidden at first."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("↓ Back to &live", parent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self.setStyleSheet(
            f"QPushButton {{ background: {colours.accent}; color: {colours.on_accent}; border: none;"
            f" border-radius: 12px; padding: {MEDIUM}px {LARGE}px; font-weight: 600; }}"
            f"QPushButton:focus {{ border: 2px solid {colours.text}; }}"
        )

    def place(self, area: QRect) -> None:
        """In the middle, at the lower end of this part of its parent."""
        self.adjustSize()
        self.move(area.center().x() - self.width() // 2, area.bottom() - self.height() - MEDIUM)
