"""Replay in the window: the sound of the recording beside its captions, while it is translated and afterwards.

While a session plays the recording, the session leads and the sound follows it; afterwards the sound goes alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from s2t2_live.live.events import Event
from ui.attendant import Measurement
from ui.background import Background
from ui.main_window import MainWindow
from ui.replay_panel import ReplayPanel
from ui.source_choice import FileChoice, SourceChoice
from ui.state import State

if TYPE_CHECKING:
    from s2t2_live.audio.envelope import Envelope
    from s2t2_live.audio.player import Player

FRAME = 50
"""Milliseconds between two looks at where the sound is."""


class Replay(QObject):
    """Lives as long as the main window."""

    _failed = Signal(str)

    def __init__(self, window: MainWindow, background: Background) -> None:
        super().__init__(window)
        self.path: Path | None = None
        """The recording that is shown; None where there is none."""
        self.panel = ReplayPanel()
        self._window = window
        self._background = background
        self._player: Player | None = None
        self._told: set[str] = set()
        self._paused = False
        self._session_position = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME)
        self._timer.timeout.connect(self._follow)
        window.actions_.listen.triggered.connect(self.toggle)
        window.actions_.listen.setEnabled(False)
        window.replay_area.addWidget(self.panel)
        self.panel.set_colours(window.theme.colours)
        controller = window.controller
        controller.session_started.connect(self._session_started)
        controller.session_ended.connect(self._session_ended)
        controller.state_changed.connect(self._state_changed)
        controller.measured.connect(self._measured)
        window.theme.changed.connect(self.panel.set_colours)
        window.caption_view.caption_activated.connect(self.listen)
        self.panel.play_wanted.connect(self.toggle)
        self.panel.seek_wanted.connect(self.seek)
        self.panel.speed_wanted.connect(self._change_speed)
        self._failed.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def show_recording(self, path: Path | None) -> None:
        """Show this recording; None shows nothing."""
        self._window.replay_area.setVisible(path is not None)
        self._window.actions_.listen.setEnabled(path is not None)
        if path == self.path:
            return
        self._stop()
        self.path = path
        self.panel.begin()
        if path is not None:
            self._background.run(
                lambda: _envelope(path),
                done=lambda envelope: self._read(path, envelope),
                failed=lambda error: self._unreadable(path, error),
            )

    def show_events(self, events: list[Event]) -> None:
        self.panel.show_events(events)

    @Slot()
    def toggle(self) -> None:
        """Play, or pause; the session too, while one plays the recording."""
        if self._window.controller.running:
            self._window.toggle_pause()
        elif self._player is None or self._player.position is None:
            waveform = self.panel.waveform
            self._play(0.0 if waveform.position >= waveform.duration - 0.1 else waveform.position)
        elif self._player.paused:
            self._player.resume()
            self._show_playing()
        else:
            self._player.pause()
            self._show_playing()

    @Slot(float)
    def seek(self, seconds: float) -> None:
        """Go on from there: a session that plays the recording is begun anew."""
        controller = self._window.controller
        if controller.going_on and self.path is not None:
            controller.start(FileChoice(self.path, start=seconds, speed=self.panel.speed))
        elif self._player is not None and self._player.position is not None and not self._player.paused:
            self._play(seconds)
        else:
            self._stop()
            self.panel.show_position(seconds)

    @Slot(float)
    def _change_speed(self, speed: float) -> None:
        """Of what is played now, and of the next session."""
        self._window.speed = speed
        self.seek(self.panel.waveform.position)

    @Slot(float)
    def listen(self, seconds: float) -> None:
        """Play the sound of a caption; a session waits meanwhile."""
        if self.path is None:
            return
        controller = self._window.controller
        if controller.running and controller.state is not State.PAUSED:
            controller.pause()
        self._play(seconds)

    def close(self) -> None:
        """Before the main window goes."""
        self._stop()

    def _play(self, seconds: float) -> None:
        if self.path is None:
            return
        if self._player is None:
            from s2t2_live.audio.player import Player

            self._player = Player(failed=self._failed.emit)
        self._player.play(self.path, seconds, self.panel.speed)
        self._timer.start()
        self._show_playing()

    def _stop(self) -> None:
        if self._player is not None:
            self._player.stop()
        self._timer.stop()
        self._show_playing()

    @Slot(str)
    def _tell(self, sentence: str) -> None:
        """Once: a computer without loudspeakers has none the next time either."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._window.notice_bar.tell(sentence)

    def _show_playing(self) -> None:
        player, controller = self._player, self._window.controller
        heard = player is not None and player.position is not None and not player.paused
        translated = controller.running and controller.state not in (State.PAUSED, State.DRAINING)
        self.panel.show_playing(heard or translated)

    def _read(self, path: Path, envelope: Envelope) -> None:
        if path == self.path:
            self.panel.show_envelope(envelope)

    def _unreadable(self, path: Path, error: Exception) -> None:
        self._window.notice_bar.tell(str(error))
        if path == self.path:
            self.panel.show_unreadable()

    @Slot()
    def _follow(self) -> None:
        position = None if self._player is None else self._player.position
        if position is None:
            self._timer.stop()
            self._show_playing()
        else:
            self.panel.show_position(position)

    @Slot(object)
    def _session_started(self, choice: SourceChoice) -> None:
        self._paused = False
        self.show_recording(choice.path if isinstance(choice, FileChoice) else None)
        if isinstance(choice, FileChoice):
            self.panel.show_speed(choice.speed)
            self._play(choice.start)

    @Slot()
    def _session_ended(self) -> None:
        self._paused = False
        self._show_playing()

    @Slot(str)
    def _state_changed(self, state: str) -> None:
        if self.path is None or not self._window.controller.running:
            return
        if state == State.PAUSED:
            self._paused = True
            self._stop()
        elif state == State.DRAINING:
            self._stop()
        elif self._paused and state in (State.LISTENING, State.CATCHING_UP):
            self._paused = False
            self._play(self._session_position)

    @Slot(object)
    def _measured(self, measurement: Measurement) -> None:
        self._session_position = measurement.level.position
        if self.path is not None and not self._timer.isActive() and not self._paused:
            self.panel.show_position(measurement.level.position)


def _envelope(path: Path) -> Envelope:
    from s2t2_live.audio.envelope import read_envelope

    return read_envelope(path)
