"""The settings while the window is open, and how they reach the configuration file. Knows no widget."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from s2t2_live.errors import S2T2Error
from s2t2_live.settings import Settings, user_file
from s2t2_live.settings_file import save_settings

DELAY = 1000
"""Milliseconds of rest before changes are written: a turn of the mouse wheel makes many."""


class Preferences(QObject):
    """Whoever lets the user change a setting calls `change`; whoever goes by one listens to `changed`."""

    changed = Signal(object, object)
    """The settings before and after."""
    failed = Signal(str)
    """One sentence for the user: the settings hold, but only until the end."""

    def __init__(self, settings: Settings, file: Path | None = None, parent: QObject | None = None) -> None:
        """`file` is where they came from and are kept; None is the user's own."""
        super().__init__(parent)
        self.settings = settings
        self._saved = settings
        self._file = user_file() if file is None else file
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY)
        self._timer.timeout.connect(self.save)

    def change(self, settings: Settings) -> None:
        """Go on with these."""
        before, self.settings = self.settings, settings
        if settings != before:
            self._timer.start()
            self.changed.emit(before, settings)

    @Slot()
    def save(self) -> None:
        """Write what has changed, now."""
        self._timer.stop()
        try:
            save_settings(self._saved, self.settings, self._file)
        except S2T2Error as error:
            self.failed.emit(str(error))
        else:
            self._saved = self.settings
