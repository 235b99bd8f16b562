"""Replay in the window: the picture, the play head, and the sound that follows the session and the captions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from s2t2_live.audio.envelope import Envelope
from s2t2_live.errors import RecordingError
from s2t2_live.live.events import Final, SessionStarted, SpeechEnded
from s2t2_live.live.journal import Journal, sessions, sessions_folder
from tests.ui.conftest import TIMEOUT
from ui.companions import Companions
from ui.controller import SessionController
from ui.main_window import MainWindow
from ui.replay import Replay
from ui.replay_panel import ReplayPanel
from ui.source_choice import FileChoice
from ui.state import State
from ui.theme import DARK, LIGHT, Colours
from ui.waveform import Waveform

TEN_SECONDS = Envelope(np.concatenate([np.full(250, 0.05), np.full(250, 0.9)]).astype(np.float32), 10.0)


@dataclass
class SilentPlayer:
    """What the window asks the player for; no machine of the tests has a loudspeaker for certain."""

    played: list[tuple[Path, float, float]] = field(default_factory=list)
    position: float | None = None
    paused: bool = False

    def play(self, path: Path, start: float = 0.0, speed: float = 1.0) -> None:
        self.played.append((path, start, speed))
        self.position, self.paused = start, False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def stop(self) -> None:
        self.position = None


@pytest.fixture
def player() -> SilentPlayer:
    return SilentPlayer()


@pytest.fixture
def companions(window: MainWindow, player: SilentPlayer) -> Companions:
    companions = Companions(window, sessions_folder())
    companions.replay._player = player  # type: ignore[assignment]
    return companions


@pytest.fixture
def replay(companions: Companions) -> Replay:
    return companions.replay


@pytest.fixture
def waveform(qtbot: QtBot) -> Waveform:
    waveform = Waveform()
    qtbot.addWidget(waveform)
    waveform.resize(400, 64)
    waveform.show()
    waveform.show_envelope(TEN_SECONDS)
    return waveform


def rows(waveform: Waveform, x: int, colour: str) -> int:
    image = waveform.grab().toImage()
    return sum(image.pixelColor(QPoint(x, y)).name() == colour for y in range(image.height()))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_picture_is_as_high_as_the_sound_is_loud(waveform: Waveform, colours: Colours) -> None:
    waveform.set_colours(colours)
    assert 0 < rows(waveform, 100, colours.muted) < 10
    assert rows(waveform, 300, colours.muted) > 40


def test_what_has_been_played_is_in_another_colour(waveform: Waveform) -> None:
    waveform.show_position(9.0)
    assert rows(waveform, 300, LIGHT.accent) > 40
    assert rows(waveform, 300, LIGHT.muted) == 0
    assert rows(waveform, 380, LIGHT.muted) > 40
    assert rows(waveform, 360, LIGHT.text) > 50


def test_speech_has_another_ground(waveform: Waveform) -> None:
    waveform.show_segments([(1.0, 2.0)])
    image = waveform.grab().toImage()
    assert image.pixelColor(60, 4) != QColor(LIGHT.surface)
    assert image.pixelColor(20, 4) == QColor(LIGHT.surface)
    assert image.pixelColor(90, 4) == QColor(LIGHT.surface)


def test_seeking_by_mouse_and_keyboard(qtbot: QtBot, waveform: Waveform) -> None:
    wanted: list[float] = []
    waveform.seek_wanted.connect(wanted.append)
    qtbot.mouseClick(waveform, Qt.MouseButton.LeftButton, pos=QPoint(200, 30))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_End):
        qtbot.keyClick(waveform, key)
    assert wanted == pytest.approx([5.0, 10.0, 10.0, 5.0, 0.0, 10.0], abs=0.05)
    assert waveform.accessibleDescription() == "0:10 of 0:10"


def test_nothing_is_sought_before_the_recording_is_read(qtbot: QtBot, waveform: Waveform) -> None:
    waveform.show_envelope(None)
    with qtbot.assertNotEmitted(waveform.seek_wanted):
        qtbot.mouseClick(waveform, Qt.MouseButton.LeftButton, pos=QPoint(200, 30))
    assert not waveform.grab().toImage().isNull()


def test_the_panel_has_the_segments_of_the_latest_session(qtbot: QtBot) -> None:
    panel = ReplayPanel()
    qtbot.addWidget(panel)
    started = SessionStarted("demo", "cpu", "fp32", "final-only", "a.wav", 16_000, "1")
    panel.show_events([started, SpeechEnded(0, 1.0, 2.0, "pause"), SpeechEnded(1, 3.0, 4.0, "pause")])
    assert panel.waveform.segments == [(1.0, 2.0), (3.0, 4.0)]
    panel.show_events([started, SpeechEnded(0, 5.0, 6.0, "pause")])
    assert panel.waveform.segments == [(5.0, 6.0)]


def test_every_control_has_a_name(qtbot: QtBot) -> None:
    panel = ReplayPanel()
    qtbot.addWidget(panel)
    for control in (panel.play_button, panel.waveform, panel.speed_box, panel.time):
        assert control.accessibleName()


def test_a_session_is_heard_as_it_is_translated(
    qtbot: QtBot, window: MainWindow, replay: Replay, player: SilentPlayer, loaded: None, spoken: FileChoice
) -> None:
    controller = window.controller
    controller.load_model()
    qtbot.waitUntil(lambda: controller.state is State.READY, timeout=TIMEOUT)
    with qtbot.waitSignal(controller.session_started, timeout=TIMEOUT):
        controller.start(spoken)
    assert window.replay_area.isVisible()
    assert replay.path == spoken.path
    assert player.played == [(spoken.path, 0.0, spoken.speed)]
    assert replay.panel.speed == spoken.speed
    assert "Pause" in replay.panel.play_button.accessibleName()
    replay.toggle()
    qtbot.waitUntil(lambda: controller.state is State.PAUSED, timeout=TIMEOUT)
    assert player.position is None
    assert "Play" in replay.panel.play_button.accessibleName()
    replay.toggle()
    qtbot.waitUntil(lambda: len(player.played) == 2, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: not controller.running, timeout=TIMEOUT)
    assert replay.panel.waveform.segments
    assert replay.panel.waveform.duration > 0


def playing(qtbot: QtBot, window: MainWindow, spoken: FileChoice) -> SessionController:
    """A session that has just begun."""
    controller = window.controller
    controller.load_model()
    qtbot.waitUntil(lambda: controller.state is State.READY, timeout=TIMEOUT)
    with qtbot.waitSignal(controller.session_started, timeout=TIMEOUT):
        controller.start(FileChoice(spoken.path))
    return controller


def test_seeking_begins_the_session_anew_from_there(
    qtbot: QtBot, window: MainWindow, replay: Replay, player: SilentPlayer, loaded: None, spoken: FileChoice
) -> None:
    controller = playing(qtbot, window, spoken)
    with qtbot.waitSignal(controller.session_started, timeout=TIMEOUT):
        replay.seek(1.0)
    assert controller.choice == FileChoice(spoken.path, start=1.0)
    assert player.played[-1] == (spoken.path, 1.0, 1.0)


def test_what_is_sought_after_a_stop_begins_nothing(
    qtbot: QtBot, window: MainWindow, replay: Replay, player: SilentPlayer, loaded: None, spoken: FileChoice
) -> None:
    controller = playing(qtbot, window, spoken)
    begun: list[object] = []
    controller.session_started.connect(begun.append)
    controller.stop()
    replay.seek(1.0)
    qtbot.waitUntil(lambda: not controller.running, timeout=TIMEOUT)
    assert begun == []


def test_the_recording_has_a_key(window: MainWindow, replay: Replay, player: SilentPlayer, spoken: FileChoice) -> None:
    assert ("Play or pause the recording", "Ctrl+Space") in window.actions_.table()
    assert not window.actions_.listen.isEnabled()
    replay.show_recording(spoken.path)
    window.actions_.listen.trigger()
    assert player.played == [(spoken.path, 0.0, 1.0)]


def test_the_next_session_has_the_speed_that_was_chosen(
    qtbot: QtBot, window: MainWindow, replay: Replay, player: SilentPlayer, loaded: None, spoken: FileChoice
) -> None:
    controller = window.controller
    controller.load_model()
    qtbot.waitUntil(lambda: controller.state is State.READY, timeout=TIMEOUT)
    window.source_box.choose_file(spoken.path)
    replay.show_recording(spoken.path)
    box = replay.panel.speed_box
    box.setCurrentIndex(box.findData(1.5))
    box.activated.emit(box.currentIndex())
    with qtbot.waitSignal(controller.session_started, timeout=TIMEOUT) as started:
        window.session_bar.start_button.click()
    assert started.args == [FileChoice(spoken.path, speed=1.5)]
    assert replay.panel.speed == 1.5
    assert player.played == [(spoken.path, 0.0, 1.5)]


def test_a_caption_is_heard_when_it_is_clicked(
    qtbot: QtBot, window: MainWindow, replay: Replay, player: SilentPlayer, spoken: FileChoice
) -> None:
    window.caption_view.caption_activated.emit(3.0)
    assert player.played == []
    replay.show_recording(spoken.path)
    qtbot.waitUntil(lambda: replay.panel.waveform.duration > 0, timeout=TIMEOUT)
    window.caption_view.caption_activated.emit(3.0)
    assert player.played == [(spoken.path, 3.0, 1.0)]
    player.position = 3.4
    qtbot.waitUntil(lambda: replay.panel.waveform.position == 3.4, timeout=TIMEOUT)
    replay.toggle()
    assert player.paused
    replay.toggle()
    assert not player.paused
    row = next(row for row in range(replay.panel.speed_box.count()) if replay.panel.speed_box.itemData(row) == 1.5)
    replay.panel.speed_box.setCurrentIndex(row)
    replay.panel.speed_box.activated.emit(row)
    assert player.played[-1] == (spoken.path, 3.4, 1.5)
    player.position = None
    qtbot.waitUntil(lambda: "Play" in replay.panel.play_button.accessibleName(), timeout=TIMEOUT)


def test_a_saved_session_brings_its_recording_back(
    qtbot: QtBot, companions: Companions, replay: Replay, spoken: FileChoice
) -> None:
    for recording in (spoken.path, Path("/no/such/recording.wav")):
        journal = Journal(sessions_folder(), recording=recording)
        journal.handle(SessionStarted("demo", "cpu", "fp32", "final-only", "x", 16_000, "1"))
        journal.handle(SpeechEnded(0, 0.2, 1.0, "pause"))
        journal.handle(Final(0, 0.2, 1.0, "Guten Tag.", 0.1, 0.1))
        journal.close()
    saved = {session.recording: session for session in sessions(sessions_folder())}
    companions.open_session(saved[spoken.path])
    qtbot.waitUntil(lambda: replay.path == spoken.path, timeout=TIMEOUT)
    assert replay.panel.waveform.segments == [(0.2, 1.0)]
    companions.open_session(saved[Path("/no/such/recording.wav")])
    qtbot.waitUntil(lambda: replay.path is None, timeout=TIMEOUT)


def test_a_recording_that_cannot_be_read_is_no_longer_waited_for(
    qtbot: QtBot, window: MainWindow, replay: Replay, spoken: FileChoice, tmp_path: Path
) -> None:
    path = tmp_path / "talk.flac"
    path.write_bytes(spoken.path.read_bytes()[:1_000])
    replay.show_recording(path)
    window.resize(980, 640)
    waiting = replay.panel.waveform.grab().toImage()
    qtbot.waitUntil(lambda: "talk.flac is damaged" in window.notice_bar.text, timeout=TIMEOUT)
    assert replay.panel.waveform.grab().toImage() != waiting
    replay.show_recording(spoken.path)
    qtbot.waitUntil(lambda: replay.panel.waveform.duration > 0, timeout=TIMEOUT)
    replay._unreadable(path, RecordingError("talk.flac is damaged."))
    assert replay.panel.waveform.duration > 0, "another one is shown by then"


def test_a_missing_loudspeaker_is_told_once(qtbot: QtBot, window: MainWindow, replay: Replay) -> None:
    for _ in range(2):
        replay._failed.emit("No loudspeaker.")
    qtbot.waitUntil(lambda: window.notice_bar.text == "No loudspeaker.", timeout=TIMEOUT)
    window.notice_bar.dismiss()
    replay._tell("No loudspeaker.")
    assert window.notice_bar.text == ""
