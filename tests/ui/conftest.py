"""The window's tests run without a screen, and with an empty home."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from s2t2_live import assembly
from s2t2_live.audio import devices
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.live.journal import sessions_folder
from s2t2_live.live.publisher import Sink
from s2t2_live.settings import ModelSettings, Settings, TranslationSettings
from s2t2_live.training.recordings import Recording
from ui.controller import SessionController, session_sinks
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.source_choice import FileChoice, SourceChoice
from ui.theme import Theme

if TYPE_CHECKING:
    from s2t2_live.live.translation import SpeechTranslationModel

TIMEOUT = 120_000
"""Milliseconds after which something hangs; no measure of speed."""
MICROPHONE = InputDevice("test:1", "Desk microphone", "microphone", 1, 48_000, default=True)
MONITOR = InputDevice("test:2", "Monitor of the speakers", "system", 2, 48_000, default=True)

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of a user without settings."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(home / "config"))
    return home


@pytest.fixture(autouse=True)
def garbage(qapp: QApplication) -> Iterator[None]:
    """Freed on this thread, as the window does it, and before the next test."""
    gc.disable()
    yield
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    gc.enable()


@pytest.fixture(scope="session")
def model(demo_model: Path) -> SpeechTranslationModel:
    """The shipped checkpoint, loaded once for all tests."""
    return assembly.load_model(Settings(model=ModelSettings(threads=1)))


@pytest.fixture
def loaded(model: SpeechTranslationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is there at once."""
    monkeypatch.setattr(assembly, "load_model", lambda *_, **__: model)


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> list[InputDevice]:
    """The devices that the computer has; a test may change the list."""
    found = [MICROPHONE, MONITOR]
    monkeypatch.setattr(devices, "list_inputs", lambda: list(found))
    return found


@pytest.fixture(scope="session")
def spoken(recordings: dict[Path, Recording]) -> FileChoice:
    """The shortest of the shipped recordings, played four times as fast as it was spoken."""
    return FileChoice(min(recordings, key=lambda path: len(recordings[path].english)), speed=4.0)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    before = QPalette(qapp.palette())
    theme = Theme(qapp)
    yield theme
    qapp.styleHints().unsetColorScheme()
    theme.deleteLater()
    qapp.setPalette(before)


def end(qtbot: QtBot, controller: SessionController) -> None:
    """Shut the controller down, as the window does."""
    with qtbot.waitSignal(controller.shut_down, timeout=TIMEOUT):
        controller.shutdown()
    QApplication.processEvents()


@pytest.fixture
def controller(qtbot: QtBot, qapp: QApplication) -> Iterator[SessionController]:
    """One that saves its sessions in the test's home, and computes little."""
    settings = Settings(translation=TranslationSettings(beam_size=1, step=1.0))

    def sinks(choice: SourceChoice) -> Sequence[Sink]:
        return session_sinks(settings, sessions_folder(), choice)

    controller = SessionController(settings, sinks=sinks)
    yield controller
    if not controller.closing:
        end(qtbot, controller)
    controller.deleteLater()


@pytest.fixture
def window(qtbot: QtBot, controller: SessionController, inputs: list[InputDevice], theme: Theme) -> MainWindow:
    """On the screen, its inputs found, its model not yet loaded."""
    window = MainWindow(controller, Preferences(controller.settings), theme)
    qtbot.addWidget(window, before_close_func=lambda _: None if controller.closing else end(qtbot, controller))
    with qtbot.waitExposed(window), qtbot.waitSignal(controller.inputs_found, timeout=TIMEOUT):
        window.show()
        controller.find_inputs()
    return window
