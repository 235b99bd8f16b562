"""What stands beside the main window: the overlay, the settings, the saved sessions and the export of captions.

Connects them with the menus of the main window. Knows no engine.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence

from s2t2_live.live.events import Event
from s2t2_live.live.journal import SavedSession, load_session, mark_recovered, sessions
from s2t2_live.settings import Settings, user_file
from ui.background import Background
from ui.exports import Exporter
from ui.main_window import MainWindow
from ui.overlay import Overlay
from ui.replay import Replay
from ui.sessions_dialog import SessionsDialog, words
from ui.settings_dialog import SettingsDialog
from ui.source_choice import Inputs

EXPORTS = {
    "srt": ("&SubRip subtitles (SRT)…", "Ctrl+S"),
    "vtt": ("&WebVTT subtitles…", "Ctrl+Shift+S"),
    "txt": ("Plain &text…", "Ctrl+T"),
    "jsonl": ("&JSON lines…", "Ctrl+J"),
}


class Companions(QObject):
    """Lives as long as the main window."""

    def __init__(self, window: MainWindow, folder: Path, config: Path | None = None) -> None:
        """`folder` has the saved sessions; `config` is the configuration file, None the user's own."""
        super().__init__(window)
        self._window = window
        self._folder = folder
        self._config = user_file() if config is None else config
        self._inputs = Inputs()
        self._background = Background(self)
        self.overlay = Overlay(window.caption_view.transcript, QSettings("s2t2-live", "window"))
        self.exporter = Exporter(window, self._background)
        self.sessions_dialog = SessionsDialog(folder, self._background, window)
        self.replay = Replay(window, self._background)
        self.settings_dialog: SettingsDialog | None = None
        self.exports: dict[str, QAction] = {}
        self._make_actions()
        self._connect()

    @Slot()
    def offer_interrupted_session(self) -> None:
        """If a session was cut off by a crash, say so and offer to open it, until the user has answered."""
        self._background.run(lambda: _interrupted(self._folder), done=self._offer)

    def close(self) -> None:
        """Before the main window goes."""
        self.replay.close()
        self.overlay.save()
        self.overlay.hide()
        self.overlay.deleteLater()
        self._background.close()

    def _make_actions(self) -> None:
        actions = self._window.actions_
        for format, (text, keys) in EXPORTS.items():
            action = QAction(text, self._window)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(partial(self.exporter.ask, format))
            action.setEnabled(False)
            actions.export_menu.addAction(action)
            self.exports[format] = action
        self.sessions_action = QAction("Saved sess&ions…", self._window)
        self.sessions_action.setShortcut(QKeySequence("Ctrl+H"))
        self.sessions_action.triggered.connect(self._show_sessions)
        actions.session_menu.insertAction(actions.export_menu.menuAction(), self.sessions_action)
        actions.view_menu.insertMenu(_after(actions.view_menu.actions(), actions.overlay), self.overlay.menu)

    def _connect(self) -> None:
        window, controller, overlay = self._window, self._window.controller, self.overlay
        # From the overlay too, which takes the keyboard when it opens.
        window.actions_.overlay.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        window.actions_.overlay.toggled.connect(overlay.setVisible)
        overlay.visibility_changed.connect(window.actions_.overlay.setChecked)
        window.actions_.settings.triggered.connect(self._show_settings)
        controller.events.connect(self._events)
        controller.inputs_found.connect(self._found)
        controller.state_changed.connect(lambda _: self.sessions_dialog.set_busy(controller.running))
        controller.shut_down.connect(self.close)
        window.preferences.changed.connect(self._settings_changed)
        window.caption_view.transcript_changed.connect(overlay.update)
        self.sessions_dialog.open_wanted.connect(self.open_session)
        self.exporter.exported.connect(window.notice_bar.tell)
        self.exporter.failed.connect(window.notice_bar.tell)

    @Slot(list)
    def _events(self, events: list[Event]) -> None:
        self.exporter.add(events)
        self.replay.show_events(events)
        self.overlay.update()
        self._show_exports()

    def _show_exports(self) -> None:
        for action in self.exports.values():
            action.setEnabled(bool(self.exporter.events))

    @Slot(object)
    def _found(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @Slot()
    def _show_settings(self) -> None:
        if self.settings_dialog is None:
            preferences = self._window.preferences
            dialog = SettingsDialog(
                preferences.settings, inputs=self._inputs.devices, file=self._config, parent=self._window
            )
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.applied.connect(self._apply)
            dialog.destroyed.connect(self._settings_closed)
            self.settings_dialog = dialog
        self.settings_dialog.show()
        self.settings_dialog.activateWindow()

    @Slot(object)
    def _apply(self, settings: Settings) -> None:
        self._window.preferences.change(settings)

    @Slot()
    def _settings_changed(self) -> None:
        if self.settings_dialog is not None:
            self.settings_dialog.follow(self._window.preferences.settings)

    @Slot()
    def _settings_closed(self) -> None:
        self.settings_dialog = None

    @Slot()
    def _show_sessions(self) -> None:
        self.sessions_dialog.set_busy(self._window.controller.running)
        self.sessions_dialog.refresh()
        self.sessions_dialog.show()
        self.sessions_dialog.activateWindow()

    @Slot(object)
    def open_session(self, session: SavedSession) -> None:
        """Show a saved session; not while another one runs."""
        self._background.run(
            lambda: load_session(session.path),
            done=lambda events: self._show_session(session, events),
            failed=lambda error: self._window.notice_bar.tell(str(error)),
        )

    def _show_session(self, session: SavedSession, events: list[Event]) -> None:
        window = self._window
        if window.controller.running:
            window.notice_bar.tell("Stop listening first; then the saved session can be opened.")
            return
        if session.state == "interrupted":
            window.notice_bar.dismiss()
            self._answered(session)
        recording = session.recording
        self.replay.show_recording(recording if recording is not None and recording.is_file() else None)
        window.caption_view.show_events(events)
        self._events(events)

    def _offer(self, session: SavedSession | None) -> None:
        if session is None:
            return
        begun, source, _, _ = words(session)
        self._window.notice_bar.tell(
            f"The session of {begun} ({source}) was cut off; what was said until then has been kept.",
            "Open &it",
            lambda: self.open_session(session),
            lambda: self._answered(session),
        )

    def _answered(self, session: SavedSession) -> None:
        """Offer it no more."""
        self._background.run(
            lambda: mark_recovered(session), failed=lambda error: self._window.notice_bar.tell(str(error))
        )


def _interrupted(folder: Path) -> SavedSession | None:
    """The newest session that was cut off, has captions, and whose offer the user has not answered."""
    return next((session for session in sessions(folder) if session.state == "interrupted" and session.preview), None)


def _after(actions: list[QAction], action: QAction) -> QAction:
    """The action that follows."""
    return actions[actions.index(action) + 1]
