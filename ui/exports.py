"""Writes the captions of a session into a file of the user's choice. Knows no window and no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from s2t2_live.captions.files import CaptionFile
from s2t2_live.live.events import Event, Partial, SessionStarted
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
        suggestion = str(self._folder / f"{self.name or 'captions'}.{format}")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Export the captions", suggestion, KINDS[format])
        if chosen:
            path = Path(chosen)
            self.write(path if path.suffix else path.with_suffix(f".{format}"), format)

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
        with closing(CaptionFile(path, format)) as file:
            for event in events:
                file.handle(event)

    return write
