"""The captions of a session. Knows no engine."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTextEdit, QWidget

from s2t2_live.live.events import Event, Final


class CaptionView(QTextEdit):
    caption_activated = Signal(float)
    """The start of a caption that was clicked, seconds on the source's clock."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, readOnly=True)

    def show_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Final) and event.text:
                self.append(event.text)
