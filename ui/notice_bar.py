"""One line above the captions that says what has happened, with a way out where there is one. Knows no engine."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from ui.announcement import announce
from ui.theme import LARGE, MEDIUM, Colours


class NoticeBar(QFrame):
    """Shows the latest notice until it is dismissed, acted on or out of date."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.button = QPushButton()
        self.close_button = QToolButton(autoRaise=True)
        self.close_button.setText("✕")
        self.close_button.setToolTip("Dismiss this message")
        self.close_button.setAccessibleName("Dismiss this message")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LARGE, MEDIUM, MEDIUM, MEDIUM)
        layout.setSpacing(MEDIUM)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self.button.clicked.connect(self._act)
        self.close_button.clicked.connect(self._close)
        self._action: Callable[[], object] | None = None
        self._closed: Callable[[], object] | None = None
        self.hide()

    @property
    def text(self) -> str:
        """Empty when there is none."""
        return "" if self.isHidden() else self.label.text()

    def tell(
        self,
        text: str,
        button: str = "",
        action: Callable[[], object] | None = None,
        closed: Callable[[], object] | None = None,
    ) -> None:
        """`button` is the text of the way out, `action` what it does; `closed` is called when the reader closes it."""
        self.label.setText(text)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._action, self._closed = action, closed
        self.show()
        announce(self, text)

    @Slot()
    def dismiss(self) -> None:
        self._action = self._closed = None
        self.hide()

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self.setStyleSheet(
            f"NoticeBar {{ background: {colours.window}; border: none; border-left: 4px solid {colours.warning};"
            f" border-bottom: 1px solid {colours.border}; }}"
        )

    @Slot()
    def _act(self) -> None:
        self._answer(self._action)

    @Slot()
    def _close(self) -> None:
        self._answer(self._closed)

    def _answer(self, call: Callable[[], object] | None) -> None:
        self.dismiss()
        if call is not None:
            call()
