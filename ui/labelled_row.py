"""Controls side by side, each with its name before it. Knows not what they are for."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from ui.theme import LARGE, MEDIUM


class LabelledRow(QWidget):
    """As wide as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(LARGE, MEDIUM, LARGE, MEDIUM)
        self._layout.setSpacing(MEDIUM)

    def add(self, text: str, control: QWidget, stretch: int = 0) -> None:
        """`text` has the mnemonic that leads to the control; `stretch` is its share of the room that is left."""
        label = QLabel(text)
        label.setBuddy(control)
        if self._layout.count():
            self._layout.addSpacing(MEDIUM)
        self._layout.addWidget(label)
        self._layout.addWidget(control, stretch)
