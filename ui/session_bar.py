"""The buttons that start, pause and stop, beside the level meter. Knows no session."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ui.level_meter import LevelMeter
from ui.theme import LARGE, MEDIUM, Colours


class SessionBar(QWidget):
    """Its buttons look and act as the actions of the menu do."""

    def __init__(self, toggle: QAction, pause: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start_button = _button(toggle)
        self.pause_button = _button(pause)
        self.level_meter = LevelMeter()
        self.start_button.setDefault(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LARGE, MEDIUM, LARGE, 0)
        layout.setSpacing(MEDIUM)
        layout.addWidget(self.start_button)
        layout.addWidget(self.pause_button)
        layout.addSpacing(MEDIUM)
        layout.addWidget(self.level_meter, 1)

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self.level_meter.set_colours(colours)
        self.start_button.setStyleSheet(
            f"QPushButton {{ background: {colours.accent}; color: {colours.on_accent}; border: none;"
            f" border-radius: 6px; padding: 0 {LARGE}px; font-weight: 600; }}"
            f"QPushButton:focus {{ border: 2px solid {colours.text}; }}"
            f"QPushButton:disabled {{ background: {colours.border}; color: {colours.muted}; }}"
        )


def _button(action: QAction) -> QPushButton:
    button = QPushButton()
    button.setMinimumSize(112, 36)

    def show() -> None:
        button.setText(action.text())
        button.setEnabled(action.isEnabled())

    show()
    action.changed.connect(show)
    button.clicked.connect(action.trigger)
    return button
