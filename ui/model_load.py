"""One load of a model, which tells how far a download has come and can be given up. Knows no widget."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from s2t2_live.settings import Settings

if TYPE_CHECKING:
    from s2t2_live.live.translation import SpeechTranslationModel


class ModelLoad(QObject):
    """Runs once, on a background thread."""

    progressed = Signal(object, object)
    """Bytes of the model that are there, and all of them, while it is downloaded."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = threading.Event()
        self.download: tuple[int, int] | None = None
        """What `progressed` told last; kept by whoever listens to it."""

    def run(self, settings: Settings) -> SpeechTranslationModel:
        """Importing torch alone takes seconds."""
        from s2t2_live.assembly import load_model

        return load_model(settings, progress=self.progressed.emit, cancelled=self.cancelled.is_set)
