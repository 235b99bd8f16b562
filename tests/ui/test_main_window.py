"""The main window, used as a person would: by mouse, keyboard and drop, with and without a microphone."""

from __future__ import annotations

import ast
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QFileDialog, QLabel, QLineEdit, QMenu, QWidget
from pytestqt.qtbot import QtBot

from s2t2_live import assembly
from s2t2_live.audio import devices
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.audio.level import Level
from s2t2_live.errors import DeviceError, ModelNotFoundError
from s2t2_live.live.events import OUTAGE, Error, Final, Partial, SessionStarted
from s2t2_live.settings import InputSettings, Settings, load_settings
from tests.ui.conftest import MICROPHONE, MONITOR, TIMEOUT
from ui import main_window
from ui.attendant import Measurement
from ui.background import Background
from ui.controller import SessionController
from ui.main_window import MainWindow
from ui.model_load import ModelLoad
from ui.preferences import Preferences
from ui.replay import Replay
from ui.source_choice import FileChoice
from ui.state import State
from ui.theme import DARK, Theme

STARTED = SessionStarted("demo-en-de", "cpu", "fp32", "local-agreement", "talk.flac", 16_000, "1")


def final(segment: int, text: str, lag: float = 1.25) -> Final:
    return Final(segment, float(segment), segment + 0.9, text, 0.4, lag)


def until(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=TIMEOUT)


def items(box: QComboBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def choose(window: MainWindow, source: str) -> None:
    """Take the source whose name begins so, as a click in the list does."""
    box = window.source_box
    (row,) = (row for row, text in enumerate(items(box)) if text.startswith(source))
    box.setCurrentIndex(row)
    box.activated.emit(row)


def shown(window: MainWindow) -> list[str]:
    return window.caption_view.toPlainText().split("\n")


def drop(window: MainWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    kind = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(10, 10), *kind)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted() is bool(paths)
    if paths:
        QApplication.sendEvent(window, QDropEvent(QPointF(10, 10), *kind))


@pytest.fixture
def ready(qtbot: QtBot, window: MainWindow, loaded: None) -> MainWindow:
    with qtbot.waitSignal(window.controller.model_loaded, timeout=TIMEOUT):
        window.controller.load_model()
    return window


# First run.


def test_a_download_can_be_seen_and_cancelled_whatever_else_happens(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(settings: Settings, *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        progress(512 * 2**20, 1024 * 2**20)
        while not cancelled():
            time.sleep(0.01)

    monkeypatch.setattr(assembly, "load_model", load)
    controller, status = window.controller, window.status_line
    with qtbot.waitSignal(controller.load_progressed, timeout=TIMEOUT):
        controller.load_model()
    status.cancel_button.setFocus()
    with qtbot.waitSignal(controller.inputs_found, timeout=TIMEOUT):
        controller.find_inputs()
    window.start(MICROPHONE)
    window.toggle()
    assert "512 of 1024 MB" in status.state.text()
    assert status.bar.value() == 500
    assert status.cancel_button.isVisible()
    assert window.focusWidget() is status.cancel_button
    status.cancel_button.click()
    assert not status.cancel_button.isVisible()
    assert not status.bar.isVisible()
    assert controller.download is None


def test_the_window_is_there_before_the_model(window: MainWindow) -> None:
    assert window.isVisible()
    assert window.controller.state is State.LOADING
    assert "Loading the model" in window.status_line.state.text()
    assert window.status_line.bar.isVisible()
    assert window.welcome.isVisible()
    assert window.welcome.title.text() == "Press Start and speak"
    assert window.source_box.choice == MICROPHONE
    assert window.session_bar.start_button.isEnabled()


def test_without_a_microphone_it_says_so_and_offers_the_shipped_recording(
    qtbot: QtBot, ready: MainWindow, inputs: list[InputDevice], recordings: object
) -> None:
    inputs.clear()
    with qtbot.waitSignal(ready.controller.inputs_found, timeout=TIMEOUT):
        ready.controller.find_inputs()
    assert ready.welcome.title.text() == "No microphone found"
    assert ready.source_box.choice is None
    assert not ready.session_bar.start_button.isEnabled()
    with qtbot.waitSignal(ready.controller.session_started, timeout=TIMEOUT) as started:
        qtbot.mouseClick(ready.welcome.sample_button, Qt.MouseButton.LeftButton)
    assert started.args is not None
    assert started.args[0].name == "hotel.flac"
    assert ready.caption_view.isVisible()


@pytest.mark.parametrize(
    ("settings", "there", "title", "way_out"),
    [
        (InputSettings("pulse:usb"), [MICROPHONE, MONITOR], "The chosen source is not there", "Choose another source"),
        (InputSettings("pulse:usb"), [], "No microphone found", "Connect one"),
        (InputSettings(), [MONITOR], "No microphone found", "Connect one"),
        (InputSettings(system_audio=True), [MICROPHONE], "The chosen source is not there", "cannot be listened to"),
    ],
)
def test_a_chosen_source_that_is_not_there_is_another_thing_than_none(
    qtbot: QtBot,
    window: MainWindow,
    inputs: list[InputDevice],
    settings: InputSettings,
    there: list[InputDevice],
    title: str,
    way_out: str,
) -> None:
    inputs[:] = there
    window.preferences.change(replace(window.preferences.settings, input=settings))
    with qtbot.waitSignal(window.controller.inputs_found, timeout=TIMEOUT):
        window.controller.find_inputs()
    assert window.welcome.title.text() == window.source_box.placeholderText() == title
    assert way_out in window.welcome.hint.text()
    assert "--" not in window.welcome.hint.text(), "there is no command line in the window"
    assert not window.session_bar.start_button.isEnabled()
    for device in there:
        choose(window, device.name)
        assert window.welcome.title.text() == "Press Start and speak"
        assert window.session_bar.start_button.isEnabled()


def test_a_broken_sound_system_is_told_with_its_way_out(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[InputDevice]:
        raise DeviceError("PortAudio is missing; install libportaudio2.")

    monkeypatch.setattr(devices, "list_inputs", broken)
    with qtbot.waitSignal(window.controller.inputs_found, timeout=TIMEOUT):
        window.controller.find_inputs()
    assert "libportaudio2" in window.welcome.hint.text()


# Sources.


def test_the_list_of_sources_is_fresh_each_time_it_opens(
    qtbot: QtBot, window: MainWindow, inputs: list[InputDevice]
) -> None:
    assert "Desk microphone (default)" in items(window.source_box)
    headset = InputDevice("test:3", "Headset", "microphone", 1, 16_000, default=False)
    inputs.append(headset)
    with qtbot.waitSignal(window.controller.inputs_found, timeout=TIMEOUT):
        window.source_box.showPopup()
    assert "Headset" in items(window.source_box)
    window.source_box.hidePopup()
    choose(window, "Headset")
    assert window.source_box.choice == headset
    assert window.preferences.settings.input.device == "test:3"
    inputs.remove(headset)
    with qtbot.waitSignal(window.controller.inputs_found, timeout=TIMEOUT):
        window.source_box.showPopup()
    window.source_box.hidePopup()
    assert "Headset" not in items(window.source_box)


def test_titles_in_the_list_cannot_be_chosen(window: MainWindow) -> None:
    model = window.source_box.model()
    for row, text in enumerate(items(window.source_box)):
        enabled = bool(model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsEnabled)
        assert enabled is (window.source_box.itemData(row) is not None), text


def test_a_recording_is_played_by_dialog_and_by_drop(
    qtbot: QtBot, ready: MainWindow, spoken: FileChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(spoken.path), ""))
    with qtbot.waitSignal(ready.controller.session_started, timeout=TIMEOUT) as started:
        ready.actions_.open.trigger()
    assert started.args == [FileChoice(spoken.path)]
    with qtbot.waitSignals([ready.controller.session_ended, ready.controller.session_started], timeout=TIMEOUT):
        drop(ready, spoken.path)
    assert ready.source_box.choice == FileChoice(spoken.path)
    drop(ready)


def test_what_cannot_be_read_is_told(qtbot: QtBot, ready: MainWindow, tmp_path: Path) -> None:
    drop(ready, tmp_path / "missing.flac")
    until(qtbot, lambda: "missing.flac does not exist." in ready.notice_bar.text)
    qtbot.mouseClick(ready.notice_bar.close_button, Qt.MouseButton.LeftButton)
    assert ready.notice_bar.text == ""
    assert ready.welcome.isVisible()


# A session.


def test_start_pause_and_stop_by_keyboard(qtbot: QtBot, ready: MainWindow, spoken: FileChoice) -> None:
    ready.source_box.choose_file(spoken.path)
    ready.activateWindow()
    with qtbot.waitSignal(ready.controller.session_started, timeout=TIMEOUT):
        qtbot.keyClick(ready, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert ready.session_bar.start_button.text() == "Sto&p"
    assert ready.status_line.state.text() == f"Playing {spoken.name}"
    assert not ready.model_box.isEnabled()
    qtbot.keyClick(ready, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert ready.session_bar.pause_button.text() == "Res&ume"
    assert ready.status_line.state.text() == "Paused"
    qtbot.keyClick(ready, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert ready.session_bar.pause_button.text() == "Pa&use"
    until(qtbot, lambda: ready.session_bar.level_meter.state != "not listening")
    with qtbot.waitSignal(ready.controller.session_ended, timeout=TIMEOUT):
        qtbot.keyClick(ready, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
        assert ready.session_bar.start_button.text() == "Stop &now"
    assert ready.session_bar.start_button.text() == "Sta&rt"
    assert ready.session_bar.level_meter.state == "not listening"


def test_captions_come_from_a_recording(qtbot: QtBot, ready: MainWindow, spoken: FileChoice) -> None:
    with qtbot.waitSignal(ready.controller.session_ended, timeout=TIMEOUT):
        ready.start(spoken)
    assert shown(ready)[-1].endswith((".", "?", "!"))
    figures = ready.status_line.figures.text()
    assert re.fullmatch(r"Lag \d+\.\d s   Backlog 0\.\d s   Load \d+\.\d\d×", figures)
    assert ready.status_line.state.text() == "Ready"


def test_start_before_the_model_is_there_waits_and_can_be_taken_back(
    qtbot: QtBot, window: MainWindow, spoken: FileChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "load_model", lambda *_, cancelled, **__: qtbot.waitUntil(cancelled))
    window.source_box.choose_file(spoken.path)
    window.controller._load = None
    qtbot.mouseClick(window.session_bar.start_button, Qt.MouseButton.LeftButton)
    assert window.status_line.state.text() == f"Loading the model; then it starts with {spoken.name}"
    assert window.session_bar.start_button.text() == "Sto&p"
    qtbot.mouseClick(window.session_bar.start_button, Qt.MouseButton.LeftButton)
    assert window.session_bar.start_button.text() == "Sta&rt"


@pytest.mark.parametrize("source", [MICROPHONE.name, MONITOR.name, "hotel.flac"])
def test_another_source_can_be_taken_while_the_model_loads(
    window: MainWindow, recordings: object, tmp_path: Path, source: str
) -> None:
    window.controller._load = ModelLoad()
    window.start(FileChoice(tmp_path / "talk.flac"))
    choose(window, source)
    assert window.controller.choice == window.source_box.choice
    assert window.status_line.state.text() == f"Loading the model; then it starts with {source}"


def test_a_source_that_is_chosen_while_nothing_runs_begins_nothing(window: MainWindow) -> None:
    choose(window, MONITOR.name)
    assert window.controller.choice is None


def test_start_before_the_microphone_is_found_waits_for_it(
    qtbot: QtBot, controller: SessionController, inputs: list[InputDevice], theme: Theme
) -> None:
    window = MainWindow(controller, Preferences(controller.settings), theme)
    qtbot.addWidget(window)
    assert window.source_box.choice is None
    qtbot.mouseClick(window.session_bar.start_button, Qt.MouseButton.LeftButton)
    controller._load = ModelLoad()
    with qtbot.waitSignal(controller.inputs_found, timeout=TIMEOUT):
        controller.find_inputs()
    assert controller.choice == MICROPHONE


def test_states_in_words(window: MainWindow, controller: SessionController, spoken: FileChoice) -> None:
    controller.choice = MICROPHONE
    said = {}
    for state in State:
        controller._set_state(State.READY)
        controller._set_state(state)
        window._show_state()
        said[state] = window.status_line.state.text()
    controller.choice = None
    assert said[State.LISTENING] == "Listening to Desk microphone"
    assert said[State.LOST] == "Desk microphone is lost; waiting until it is back"
    assert said[State.CATCHING_UP] == "Catching up; captions come late"
    assert len(set(said.values())) == len(State)


def test_figures_and_level_follow_the_session(window: MainWindow) -> None:
    window._session_started(MICROPHONE)
    window._events([STARTED, Partial(1, 0.0, 1.0, "Der", "", 0.6), final(1, "Der Zug.")])
    window._measured(Measurement(0.5, 0.3, Level(rms=-20.0, peak=-12.0, position=2.0), lost=False))
    assert window.status_line.figures.text() == "Lag 1.2 s   Backlog 0.3 s   Load –"
    window._measured(Measurement(2.0, 0.0, Level(rms=0.0, peak=0.0, clipped=True, position=4.0), lost=False))
    assert window.status_line.figures.text() == "Lag 1.2 s   Backlog 0.0 s   Load 0.50×"
    assert window.session_bar.level_meter.state == "too loud"


def test_what_the_source_says_is_shown(window: MainWindow) -> None:
    window._events([Error("Desk microphone gives nothing but digital silence.", fatal=False)])
    assert window.notice_bar.text == "Desk microphone gives nothing but digital silence."


def test_an_outage_is_told_until_it_is_over(window: MainWindow) -> None:
    window._session_started(MICROPHONE)
    meter, level = window.session_bar.level_meter, Level(rms=-20.0, peak=-12.0, position=2.0)
    lost, heard = Measurement(2.0, 0.0, level, lost=True), Measurement(2.0, 0.0, level, lost=False)
    window._measured(heard)
    shown = meter.state
    window._events([Error(f"Desk microphone {OUTAGE}", fatal=False)])
    for measurement in (heard, lost, lost):  # the first one is older than the message
        window._measured(measurement)
        assert window.notice_bar.text == f"Desk microphone {OUTAGE}"
    assert meter.state != shown
    window._measured(heard)
    assert window.notice_bar.text == ""
    assert meter.state == shown
    window._measured(lost)
    window._events([Error("The model failed.", fatal=False)])
    window._measured(heard)
    assert window.notice_bar.text == "The model failed."


def test_a_missing_model_can_be_tried_again(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, model: Any
) -> None:
    answers: list[Any] = [ModelNotFoundError("There is no model 'x'; check the spelling."), model]

    def load(*_: Any, **__: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(assembly, "load_model", load)
    with qtbot.waitSignal(window.controller.failed, timeout=TIMEOUT):
        window.controller.load_model()
    assert window.notice_bar.text == "There is no model 'x'; check the spelling."
    assert window.status_line.state.text() == "There is no model"
    with qtbot.waitSignal(window.controller.model_loaded, timeout=TIMEOUT):
        qtbot.mouseClick(window.notice_bar.button, Qt.MouseButton.LeftButton)
    assert window.notice_bar.text == ""


def test_a_download_shows_its_size_and_can_be_cancelled(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: Any, progress: Callable[[int, int], None], cancelled: Callable[[], bool], **__: Any) -> None:
        progress(300 * 2**20, 1200 * 2**20)
        while not cancelled():
            pass

    monkeypatch.setattr(assembly, "load_model", load)
    with qtbot.waitSignal(window.controller.load_progressed, timeout=TIMEOUT):
        window.model_box.setCurrentIndex(1)
        window.model_box.activated.emit(1)
    assert window.status_line.state.text() == "Downloading the model, 300 of 1200 MB"
    assert window.status_line.bar.value() == 250
    assert window.preferences.settings.model.name == "facebook/s2t-wav2vec2-large-en-de"
    qtbot.mouseClick(window.status_line.cancel_button, Qt.MouseButton.LeftButton)
    assert window.status_line.state.text() == "There is no model"
    assert window.status_line.cancel_button.isHidden()


# Reading.


@pytest.fixture
def reading(window: MainWindow) -> MainWindow:
    """A window with three captions."""
    window._session_started(MICROPHONE)
    texts = ["Der Zug kommt.", "Wann kommt er?", "Gleis drei."]
    window._events([STARTED, *(final(number, text) for number, text in enumerate(texts, start=1))])
    window.activateWindow()
    return window


def test_find_by_keyboard(qtbot: QtBot, reading: MainWindow) -> None:
    qtbot.keyClick(reading, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert reading.find_bar.isVisible()
    qtbot.keyClicks(reading.find_bar.field, "kommt")
    assert reading.find_bar.count.text() == "2 of 2"
    qtbot.keyClick(reading.find_bar.field, Qt.Key.Key_Return)
    assert reading.find_bar.count.text() == "1 of 2"
    qtbot.keyClick(reading.find_bar.field, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert reading.find_bar.count.text() == "2 of 2"
    reading._events([final(4, "Er kommt.")])
    until(qtbot, lambda: reading.find_bar.count.text() == "2 of 3")
    qtbot.keyClicks(reading.find_bar.field, "x")
    assert reading.find_bar.count.text() == "not found"
    qtbot.keyClick(reading.find_bar.field, Qt.Key.Key_Escape)
    assert reading.find_bar.isHidden()
    assert reading.caption_view.extraSelections() == []


def test_clear_can_be_undone(qtbot: QtBot, reading: MainWindow) -> None:
    reading.actions_.clear.trigger()
    assert shown(reading) == [""]
    assert reading.welcome.isVisible()
    assert "Undo" in reading.notice_bar.button.text()
    qtbot.mouseClick(reading.notice_bar.button, Qt.MouseButton.LeftButton)
    assert shown(reading) == ["Der Zug kommt.", "Wann kommt er?", "Gleis drei."]
    assert reading.caption_view.isVisible()
    assert not reading.actions_.undo_clear.isEnabled()


def test_copy_all(reading: MainWindow) -> None:
    reading.actions_.copy_all.trigger()
    assert QApplication.clipboard().text() == "Der Zug kommt.\nWann kommt er?\nGleis drei."


def test_how_it_looks_is_chosen_in_the_menu_and_kept(qtbot: QtBot, reading: MainWindow, home: Path) -> None:
    actions = reading.actions_
    for action in (actions.larger, actions.larger, actions.spacings["&Wide"], actions.themes["dark"]):
        action.trigger()
    actions.high_contrast.trigger()
    actions.stabilities["committed"].trigger()
    actions.presets["best quality"].trigger()
    style = reading.caption_view.style_
    assert (style.size, style.line_spacing) == (22, 1.5)
    assert reading.theme.colours.dark
    assert reading.theme.colours != DARK
    assert reading.caption_view.transcript.stability == "committed"
    assert reading.controller.settings.translation.policy == "final-only"
    reading.preferences.save()
    kept = load_settings(None, {}, [])
    assert kept.window == reading.preferences.settings.window
    assert kept.translation == reading.preferences.settings.translation
    actions.normal_size.trigger()
    assert reading.caption_view.style_.size == 18


# Everybody.


def test_every_control_can_be_reached_and_has_a_name(reading: MainWindow) -> None:
    reading.actions_.find.trigger()
    for control in reading.findChildren(QWidget):
        if not control.isVisible() or control.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue
        if isinstance(control, QAbstractButton | QComboBox | QLineEdit):
            name = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
            inner = isinstance(control.parent(), QComboBox | QLineEdit)
            assert name or inner, control


def ways_out() -> list[str]:
    """What stands on the button of any notice."""
    calls = (
        node
        for path in Path(main_window.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tell"
    )
    return [ast.literal_eval(call.args[1]) for call in calls if len(call.args) > 1]


def test_no_two_mnemonics_or_shortcuts_are_the_same(reading: MainWindow) -> None:
    Replay(reading, Background(reading))
    texts = [action.text() for action in reading.menuBar().actions()]
    texts += [label.text() for label in reading.findChildren(QLabel) if label.buddy() is not None]
    texts += [button.text() for button in reading.findChildren(QAbstractButton) if not button.isHidden()]
    assert {"Play &at", "S&ource"} < set(texts)
    assert len(ways_out()) == 4
    for text in ways_out():
        letters = Counter(found[1].lower() for text in [*texts, text] if (found := re.search(r"&(\w)", text)))
        assert [letter for letter, count in letters.items() if count > 1] == [], text
    for menu in reading.menuBar().findChildren(QMenu):
        inside = Counter(found[1].lower() for action in menu.actions() if (found := re.search(r"&(\w)", action.text())))
        assert [letter for letter, count in inside.items() if count > 1] == [], menu.title()
    keys = Counter(keys.toString() for action in reading.findChildren(QAction) for keys in action.shortcuts())
    assert [key for key, count in keys.items() if count > 1] == []


def test_the_shortcuts_are_listed(reading: MainWindow) -> None:
    table = dict(reading.actions_.table())
    assert table["Find"] == "Ctrl+F"
    assert table["Start"] == "Ctrl+R"


# The end.


def test_closing_while_captions_are_made_saves_them_and_goes(
    qtbot: QtBot, ready: MainWindow, spoken: FileChoice
) -> None:
    with qtbot.waitSignal(ready.controller.session_started, timeout=TIMEOUT):
        ready.start(spoken)
    with qtbot.waitSignal(ready.controller.shut_down, timeout=TIMEOUT):
        ready.close()
    until(qtbot, lambda: not ready.isVisible())


def test_closing_before_anything_has_begun(qtbot: QtBot, window: MainWindow) -> None:
    window.close()
    until(qtbot, lambda: not window.isVisible())
