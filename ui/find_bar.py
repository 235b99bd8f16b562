"""Looks for words in the captions. Knows no engine."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from ui.caption_view import CaptionView
from ui.theme import LARGE, MEDIUM
from ui.transcript import Match

DELAY = 300
"""Milliseconds after new captions before they are searched too."""


class FindBar(QWidget):
    """Below the captions, while it is wanted; Escape closes it."""

    def __init__(self, view: CaptionView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hide()
        self._view = view
        self._matches: list[Match] = []
        self._current: Match | None = None
        self.field = QLineEdit(placeholderText="Find in the captions", clearButtonEnabled=True)
        self.field.setAccessibleName("Find in the captions")
        self.count = QLabel()
        self.previous_button = _button("↑", "Previous (Shift+F3)")
        self.next_button = _button("↓", "Next (F3)")
        self.close_button = _button("✕", "Close (Esc)")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LARGE, MEDIUM, LARGE, MEDIUM)
        layout.setSpacing(MEDIUM)
        layout.addWidget(self.field, 1)
        for widget in (self.count, self.previous_button, self.next_button, self.close_button):
            layout.addWidget(widget)
        self._later = QTimer(self, singleShot=True, interval=DELAY)
        self._later.timeout.connect(self._search)
        self.field.textChanged.connect(self._typed)
        self.field.returnPressed.connect(self.next)
        self.next_button.clicked.connect(self.next)
        self.previous_button.clicked.connect(self.previous)
        self.close_button.clicked.connect(self.close_bar)
        view.transcript_changed.connect(self._renew)

    @Slot()
    def open_bar(self) -> None:
        """Show it with the selected words, if there are some."""
        selected = self._view.textCursor().selectedText()
        if selected and "\u2029" not in selected:
            self.field.setText(selected)
        self.show()
        self.field.setFocus()
        self.field.selectAll()
        self._search()

    @Slot()
    def close_bar(self) -> None:
        self.hide()
        self._current = None
        self._view.find_all("")
        self._view.setFocus()

    @Slot()
    def next(self) -> None:
        self._step(1)

    @Slot()
    def previous(self) -> None:
        self._step(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _typed(self) -> None:
        """The nearest match to the end is what the reader has just read."""
        self._current = None
        self._search()
        if self._matches:
            self._show(self._matches[-1])

    @Slot()
    def _renew(self) -> None:
        if self.isVisible():
            self._later.start()

    @Slot()
    def _search(self) -> None:
        self._matches = self._view.find_all(self.field.text())
        if self._current not in self._matches:
            self._current = None
        self._count()

    def _step(self, by: int) -> None:
        if not self.isVisible():
            self.open_bar()
        if not self._matches:
            return
        if self._current is None:
            self._show(self._matches[-1 if by < 0 else 0])
        else:
            self._show(self._matches[(self._matches.index(self._current) + by) % len(self._matches)])

    def _show(self, match: Match) -> None:
        self._current = match
        self._view.show_match(match)
        self._count()

    def _count(self) -> None:
        if not self.field.text():
            self.count.clear()
        elif not self._matches:
            self.count.setText("not found")
        else:
            place = "" if self._current is None else f"{self._matches.index(self._current) + 1} of "
            self.count.setText(f"{place}{len(self._matches)}")
        for button in (self.previous_button, self.next_button):
            button.setEnabled(bool(self._matches))


def _button(sign: str, hint: str) -> QToolButton:
    button = QToolButton(autoRaise=True)
    button.setText(sign)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    return button
