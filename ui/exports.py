"""Writes the captions of a session into a file of the user's choice. Knows no window and no engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from s2t2_live.captions.files import FORMATS, unwritable
from s2t2_live.live.events import Event, Partial, SessionStarted
from s2t2_live.whole_file import write_whole
from ui.background import Background

KINDS = {
    "srt": "SubRip subtitles (*.srt)",
    "vtt": "WebVTT subtitles (*.vtt)",
    "txt": "Plain text (*.txt)",
    "jsonl": "All events as JSON lines (*.jsonl)",
}
"""The formats with their words in the file dialog."""


class Exporter(QObject):
    """Keeps the events of the latest session, so that they can be saved even where the journal's disk was full."""

    exported = Signal(str)
    """One sentence for the user."""
    failed = Signal(str)
    """One sentence for the user."""

    def __init__(self, window: QWidget, background: Background) -> None:
        super().__init__(window)
        self.events: list[Event] = []
        """Of one session, from its beginning, without partials."""
        self._window = window
        self._background = background
        self._folder = Path.home()

    @property
    def name(self) -> str:
        """A file name without a suffix, after the source."""
        source = next((event.source for event in self.events if isinstance(event, SessionStarted)), "")
        safe = "".join(char if char.isalnum() or char in " ._-()" else "_" for char in source).strip(" .")
        return Path(safe).stem if Path(safe).suffix.lower() in (".wav", ".flac", ".mp3", ".ogg", ".opus") else safe

    def add(self, events: Sequence[Event]) -> None:
        """Take what the session has to tell; a new one begins anew."""
        for event in events:
            if isinstance(event, SessionStarted):
                self.events = []
            if not isinstance(event, Partial):
                self.events.append(event)

    def ask(self, format: str) -> None:
        """Have the user choose a file, and write it."""
        suggestion = self._folder / f"{self.name or 'captions'}.{format}"
        while path := self._choose(suggestion, format):
            if not os.path.exists(path) or self._may_replace(path):
                self.write(path, format)
                break
            suggestion = path

    def _choose(self, suggestion: Path, format: str) -> Path | None:
        # The dialog would ask about the name as it was typed: Qt's own adds no suffix behind a dot, GTK's none at all.
        option = QFileDialog.Option.DontConfirmOverwrite
        chosen, _ = QFileDialog.getSaveFileName(
            self._window, "Export the captions", str(suggestion), KINDS[format], options=option
        )
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix.lower() == f".{format}" else path.with_name(f"{path.name}.{format}")

    def _may_replace(self, path: Path) -> bool:
        text = f"{path.name} is already there. Replace it?"
        box = QMessageBox(QMessageBox.Icon.Warning, "Export the captions", text, parent=self._window)
        replace = box.addButton("&Replace", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        box.deleteLater()
        return box.clickedButton() is replace

    def write(self, path: Path, format: str) -> None:
        """On a background thread: the folder may be at the other end of a network."""
        self._folder = path.parent
        self._background.run(
            _writing(path, format, list(self.events)),
            done=lambda _: self.exported.emit(f"The captions are in {path}."),
            failed=lambda error: self.failed.emit(str(error)),
        )


def _writing(path: Path, format: str, events: Sequence[Event]) -> Callable[[], None]:
    def write() -> None:
        text = StringIO()
        with closing(FORMATS[format](text)) as writer:
            for event in events:
                writer.handle(event)
        try:
            write_whole(path, text.getvalue().encode(errors="backslashreplace"))
        except OSError as error:
            raise unwritable(path, error) from error

    return write
