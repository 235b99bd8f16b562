"""What stands beside the main window: opened from its menus, and fed with what the session tells."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from s2t2_live.live.events import Event, Final, Gap, Partial, SessionStarted, SpeechEnded, SpeechStarted, Summary
from s2t2_live.live.journal import Journal, sessions, sessions_folder
from s2t2_live.settings import WindowSettings, load_settings
from tests.ui.conftest import MONITOR, TIMEOUT
from ui.companions import Companions
from ui.main_window import MainWindow
from ui.state import State

STARTED = SessionStarted("demo", "cpu", "fp32", "local-agreement", "hotel.flac", 16_000, "1")
SPOKEN: list[Event] = [
    STARTED,
    SpeechStarted(0, 0.5),
    Partial(0, 0.5, 1.0, "der", "Zug", 0.1),
    SpeechEnded(0, 0.5, 2.25, "pause"),
    Final(0, 0.5, 2.25, "Der Zug fährt.", 0.2, 0.4),
    Gap(2.25, 3.0, "paused"),
    Final(1, 3.0, 4.0, "Guten Morgen.", 0.2, 0.4),
]
SUMMARY = Summary(5.0, 2, 0.2, {"median": 0.4, "p95": 0.4}, 0.0)


@pytest.fixture
def folder() -> Path:
    return sessions_folder()


@pytest.fixture
def companions(window: MainWindow, folder: Path) -> Companions:
    return Companions(window, folder)


def save(folder: Path, events: list[Event]) -> Path:
    journal = Journal(folder)
    for event in events:
        journal.handle(event)
    journal.close()
    assert journal.path is not None
    return journal.path


def texts(window: MainWindow) -> list[str]:
    return [entry.committed for entry in window.caption_view.transcript.entries if entry.kind == "caption"]


def test_the_overlay_is_switched_in_the_menu_and_by_itself(
    qtbot: QtBot, window: MainWindow, companions: Companions
) -> None:
    window.actions_.overlay.trigger()
    assert companions.overlay.isVisible()
    qtbot.waitUntil(companions.overlay.isActiveWindow, timeout=TIMEOUT)
    qtbot.keyClick(companions.overlay, Qt.Key.Key_Escape)
    assert not window.actions_.overlay.isChecked()
    assert companions.overlay.menu in window.actions_.view_menu.findChildren(QMenu) or any(
        action.menu() is companions.overlay.menu for action in window.actions_.view_menu.actions()
    )


def test_the_overlay_shows_the_captions_of_the_window(window: MainWindow, companions: Companions) -> None:
    window.actions_.overlay.trigger()
    empty = companions.overlay.grab().toImage()
    window.controller.events.emit(SPOKEN)
    assert companions.overlay.grab().toImage() != empty


@pytest.mark.parametrize("format", ["srt", "vtt", "txt", "jsonl"])
def test_an_export_by_menu(
    qtbot: QtBot,
    window: MainWindow,
    companions: Companions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
) -> None:
    asked: list[str] = []

    def choose(parent: object, title: str, suggestion: str, filter: str, **_: object) -> tuple[str, str]:
        asked.append(suggestion)
        return str(tmp_path / "mine"), filter

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    assert not companions.exports[format].isEnabled()
    window.controller.events.emit([*SPOKEN, SUMMARY])
    with qtbot.waitSignal(companions.exporter.exported, timeout=TIMEOUT):
        companions.exports[format].trigger()
    assert Path(asked[0]).name == f"hotel.{format}"
    text = (tmp_path / f"mine.{format}").read_text(encoding="utf-8")
    assert "Der Zug fährt." in text
    assert text.index("Der Zug") < text.index("Guten Morgen.")
    if format == "srt":
        assert re.match(r"1\n00:00:00,500 --> 00:00:02,250\nDer Zug fährt\.\n\n2\n", text)
    if format == "jsonl":
        assert [json.loads(line)["type"] for line in text.splitlines()][-1] == "summary"
    assert f"mine.{format}" in window.notice_bar.text


def test_an_export_by_keyboard(
    qtbot: QtBot, window: MainWindow, companions: Companions, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **_: (asked.append(given[2]), ("", ""))[1])
    window.controller.events.emit(SPOKEN)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=TIMEOUT)
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert [Path(name).suffix for name in asked] == [".srt"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [("mine", "mine.srt"), ("mine.srt", "mine.srt"), ("mine.SRT", "mine.SRT"), ("Talk 12.30", "Talk 12.30.srt")],
)
def test_an_export_replaces_a_file_after_a_question_alone(
    qtbot: QtBot,
    window: MainWindow,
    companions: Companions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    name: str,
) -> None:
    path = tmp_path / name
    path.write_text("Something else.")
    suggested: list[str] = []
    silent: list[bool] = []
    answers = ["Cancel", "Replace"]

    def choose(parent: object, title: str, suggestion: str, filter: str, **more: object) -> tuple[str, str]:
        # The dialog itself would ask about another name, or ask twice.
        silent.append(more.get("options") == QFileDialog.Option.DontConfirmOverwrite)
        suggested.append(Path(suggestion).name)
        return str(tmp_path / typed), filter

    def answer(box: QMessageBox) -> None:
        assert box.text().startswith(f"{name} is already there.")
        assert path.read_text() == "Something else."
        wanted = answers.pop(0)
        (button,) = (button for button in box.buttons() if button.text().replace("&", "") == wanted)
        button.click()

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    monkeypatch.setattr(QMessageBox, "exec", answer)
    window.controller.events.emit(SPOKEN)
    with qtbot.waitSignal(companions.exporter.exported, timeout=TIMEOUT):
        companions.exports["srt"].trigger()
    assert suggested == ["hotel.srt", name]
    assert all(silent)
    assert not answers
    assert "Der Zug fährt." in path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [name]


def test_an_export_has_a_suffix_behind_a_name_with_a_dot(
    qtbot: QtBot, window: MainWindow, companions: Companions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "Talk 12.30"), ""))
    window.controller.events.emit(SPOKEN)
    with qtbot.waitSignal(companions.exporter.exported, timeout=TIMEOUT):
        companions.exports["vtt"].trigger()
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["Talk 12.30.vtt"]


def test_an_export_that_fails_is_told(qtbot: QtBot, window: MainWindow, companions: Companions, tmp_path: Path) -> None:
    window.controller.events.emit(SPOKEN)
    with qtbot.waitSignal(companions.exporter.failed, timeout=TIMEOUT):
        companions.exporter.write(tmp_path / "no" / "such" / "folder.srt", "srt")
    assert "no such file" in window.notice_bar.text


def test_an_export_that_fails_leaves_the_old_file(
    qtbot: QtBot, window: MainWindow, companions: Companions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captions"
    folder.mkdir()
    old = folder / "talk.srt"
    old.write_text("Older captions.")
    window.controller.events.emit(SPOKEN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for path in (old, folder / "new.srt"):
            with qtbot.waitSignal(companions.exporter.failed, timeout=TIMEOUT) as failed:
                companions.exporter.write(path, "srt")
            assert failed.args == [f"Cannot write {path}: no space left on device; choose another folder."]
    assert [path.name for path in folder.iterdir()] == ["talk.srt"]
    assert old.read_text() == "Older captions."


def test_an_export_has_the_mode_of_the_file_that_it_replaces(
    qtbot: QtBot, window: MainWindow, companions: Companions, tmp_path: Path
) -> None:
    old, new, other = tmp_path / "talk.srt", tmp_path / "new.srt", tmp_path / "other.txt"
    old.touch()
    old.chmod(0o640)
    other.touch()
    window.controller.events.emit(SPOKEN)
    for path in (old, new):
        with qtbot.waitSignal(companions.exporter.exported, timeout=TIMEOUT):
            companions.exporter.write(path, "srt")
        assert "Der Zug fährt." in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert new.stat().st_mode == other.stat().st_mode, "as of any new file"


def test_an_export_has_the_latest_session_alone(window: MainWindow, companions: Companions) -> None:
    window.controller.events.emit([*SPOKEN, SUMMARY])
    window.controller.events.emit([replace(STARTED, source="mic")])
    assert companions.exporter.events == [replace(STARTED, source="mic")]


@pytest.mark.parametrize(
    ("source", "name"),
    [("hotel.flac", "hotel"), ("HD-Webcam: 1/2", "HD-Webcam_ 1_2"), ("../../etc", "_.._etc"), ("", "")],
)
def test_the_name_of_an_export(window: MainWindow, companions: Companions, source: str, name: str) -> None:
    window.controller.events.emit([replace(STARTED, source=source)])
    assert companions.exporter.name == name


def test_settings_are_opened_applied_and_kept(qtbot: QtBot, window: MainWindow, companions: Companions) -> None:
    before = window.preferences.settings
    window.actions_.settings.trigger()
    dialog = companions.settings_dialog
    assert dialog is not None
    assert dialog.isVisible()
    window.actions_.settings.trigger()
    assert companions.settings_dialog is dialog
    dialog.fields["window.font_size"].put(31)
    dialog.fields["window.theme"].put("dark")
    dialog.accept()
    assert window.caption_view.style_.size == 31
    assert window.theme.colours.dark
    window.preferences.save()
    assert window.preferences.settings == replace(before, window=WindowSettings(theme="dark", font_size=31))
    assert load_settings(None, {}, []).window == WindowSettings(theme="dark", font_size=31)
    qtbot.waitUntil(lambda: companions.settings_dialog is None, timeout=TIMEOUT)
    window.actions_.settings.trigger()
    again = companions.settings_dialog
    assert again is not None
    assert again.settings.window.font_size == 31
    again.close()


def test_settings_leave_what_was_changed_in_the_window_meanwhile(
    window: MainWindow, companions: Companions, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    monkeypatch.setattr(window.controller, "load_model", lambda: loads.append(window.controller.settings.model.name))
    window.actions_.settings.trigger()
    dialog = companions.settings_dialog
    assert dialog is not None
    dialog.fields["window.line_spacing"].put(2.0)
    window.actions_.themes["dark"].trigger()
    window.actions_.larger.trigger()
    window.actions_.presets["low latency"].trigger()
    window.model_box.chosen.emit("owner/model")
    window.source_box.chosen.emit(MONITOR)
    now = window.preferences.settings
    dialog.accept()
    assert window.preferences.settings == replace(now, window=replace(now.window, line_spacing=2.0))
    assert now.model.name == "owner/model"
    assert now.input.device == MONITOR.id
    assert (now.window.theme, now.window.font_size) == ("dark", 20)
    assert now.translation.policy == "alignatt"
    assert loads == ["owner/model"]


def test_settings_name_the_menu_of_the_saved_sessions(window: MainWindow, companions: Companions) -> None:
    window.actions_.settings.trigger()
    assert companions.settings_dialog is not None
    words = companions.sessions_action.text().replace("&", "").rstrip("…")
    assert any(f"Session › {words} " in label.text() for label in companions.settings_dialog.findChildren(QLabel))


def test_a_saved_session_is_opened_again(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path
) -> None:
    save(folder, [*SPOKEN, SUMMARY])
    companions.sessions_action.trigger()
    dialog = companions.sessions_dialog
    qtbot.waitUntil(lambda: len(dialog.table.sessions) == 1, timeout=TIMEOUT)
    (button,) = (button for button in dialog.findChildren(QPushButton) if button.text() == "&Open")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(window) == ["Der Zug fährt.", "Guten Morgen."], timeout=TIMEOUT)
    assert not dialog.isVisible()
    assert companions.exporter.events == [event for event in [*SPOKEN, SUMMARY] if not isinstance(event, Partial)]
    assert companions.exports["srt"].isEnabled()


def test_the_list_of_sessions(qtbot: QtBot, companions: Companions, folder: Path) -> None:
    save(folder, [replace(STARTED, source="A microphone"), *SPOKEN[1:]])
    save(folder, [*SPOKEN, SUMMARY])
    running = Journal(folder)
    running.handle(STARTED)
    dialog = companions.sessions_dialog
    companions.sessions_action.trigger()
    qtbot.waitUntil(lambda: len(dialog.table.sessions) == 3, timeout=TIMEOUT)
    shown = {tuple(str(dialog.table.index(row, column).data()) for column in (1, 2, 3)) for row in range(3)}
    assert shown == {
        ("A microphone", "0:04 (interrupted)", "Der Zug fährt."),
        ("hotel.flac", "0:05", "Der Zug fährt."),
        ("hotel.flac", "0:00 (goes on)", ""),
    }
    dialog.search.setText("MICRO")
    model = dialog.view.model()
    assert model.rowCount() == 1
    assert model.index(0, 1).data() == "A microphone"
    running.close()


def test_a_session_that_goes_on_is_not_deleted_and_none_is_opened_while_one_runs(
    qtbot: QtBot, companions: Companions, folder: Path
) -> None:
    running = Journal(folder)
    running.handle(STARTED)
    dialog = companions.sessions_dialog
    companions.sessions_action.trigger()
    qtbot.waitUntil(lambda: len(dialog.selected) == 1, timeout=TIMEOUT)
    assert dialog.open_button.isEnabled()
    assert not dialog.delete_button.isEnabled()
    dialog.set_busy(True)
    assert not dialog.open_button.isEnabled()
    assert "Stop listening" in dialog.open_button.toolTip()
    running.close()


def test_a_session_is_deleted_after_a_question(qtbot: QtBot, companions: Companions, folder: Path) -> None:
    save(folder, [*SPOKEN, SUMMARY])
    dialog = companions.sessions_dialog
    companions.sessions_action.trigger()
    qtbot.waitUntil(lambda: len(dialog.selected) == 1, timeout=TIMEOUT)
    for answer, left in (("Cancel", 1), ("&Delete", 0)):
        qtbot.mouseClick(dialog.delete_button, Qt.MouseButton.LeftButton)
        (box,) = dialog.findChildren(QMessageBox)
        (button,) = (button for button in box.buttons() if button.text().replace("&", "") == answer.replace("&", ""))
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda left=left: len(sessions(folder)) == left, timeout=TIMEOUT)
        qtbot.waitUntil(lambda: not dialog.findChildren(QMessageBox), timeout=TIMEOUT)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 0, timeout=TIMEOUT)
    assert "Nothing has been saved yet" in dialog.notice.text()


def test_after_a_crash_the_last_session_is_offered_once(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path
) -> None:
    path = save(folder, SPOKEN)
    path.write_bytes(path.read_bytes()[:-9])
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: "was cut off" in window.notice_bar.text, timeout=TIMEOUT)
    assert "hotel.flac" in window.notice_bar.text
    qtbot.mouseClick(window.notice_bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(window) == ["Der Zug fährt."], timeout=TIMEOUT)
    qtbot.waitUntil(lambda: [session.state for session in sessions(folder)] == ["recovered"], timeout=TIMEOUT)
    done: list[object] = []
    companions._background._finished.connect(lambda deliver, outcome: done.append(outcome))
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: done == [None], timeout=TIMEOUT)
    assert window.notice_bar.text == ""


def test_a_session_that_was_opened_from_the_list_is_not_offered_again(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path
) -> None:
    save(folder, SPOKEN)
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: "was cut off" in window.notice_bar.text, timeout=TIMEOUT)
    companions.sessions_action.trigger()
    dialog = companions.sessions_dialog
    qtbot.waitUntil(lambda: len(dialog.selected) == 1, timeout=TIMEOUT)
    qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: [session.state for session in sessions(folder)] == ["recovered"], timeout=TIMEOUT)
    assert window.notice_bar.text == "", "the offer has been taken"


def test_the_offer_stands_until_it_is_answered(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path
) -> None:
    save(folder, SPOKEN)
    for _ in range(2):
        companions.offer_interrupted_session()
        qtbot.waitUntil(lambda: "was cut off" in window.notice_bar.text, timeout=TIMEOUT)
        window.notice_bar.tell("Something else.")
    assert [session.state for session in sessions(folder)] == ["interrupted"]
    window.notice_bar.close_button.click()
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: "was cut off" in window.notice_bar.text, timeout=TIMEOUT)
    window.notice_bar.close_button.click()
    qtbot.waitUntil(lambda: [session.state for session in sessions(folder)] == ["recovered"], timeout=TIMEOUT)


def test_the_newest_session_that_was_cut_off_is_offered_whatever_came_after_it(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path
) -> None:
    for year, source, rest in (
        (2001, "first.flac", SPOKEN[1:]),
        (2002, "second.flac", SPOKEN[1:]),
        (2003, "orderly.flac", [*SPOKEN[1:], SUMMARY]),
        (2004, "silent.flac", []),
    ):
        path = save(folder, [replace(STARTED, source=source), *rest])
        text = path.read_text("utf-8")
        path.write_text(re.sub(r'("started": )"\d{4}', rf'\1"{year}', text), encoding="utf-8")
    assert [session.started.year for session in sessions(folder)] == [2004, 2003, 2002, 2001]
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: "was cut off" in window.notice_bar.text, timeout=TIMEOUT)
    assert "second.flac" in window.notice_bar.text


@pytest.mark.parametrize("events", [[*SPOKEN, SUMMARY], [STARTED], []])
def test_nothing_is_offered_after_an_orderly_end_or_for_nothing(
    qtbot: QtBot, window: MainWindow, companions: Companions, folder: Path, events: list[Event]
) -> None:
    if events:
        save(folder, events)
    done: list[object] = []
    companions._background._finished.connect(lambda deliver, outcome: done.append(outcome))
    companions.offer_interrupted_session()
    qtbot.waitUntil(lambda: done == [None], timeout=TIMEOUT)
    assert window.notice_bar.text == ""


def test_the_keys_of_the_menus_do_not_clash(window: MainWindow, companions: Companions) -> None:
    bar = window.menuBar()
    keys = [
        sequence.toString()
        for menu in bar.findChildren(QMenu)
        for action in menu.actions()
        for sequence in action.shortcuts()
    ]
    assert len(keys) == len(set(keys)), sorted(keys)
    for menu in [*bar.findChildren(QMenu), companions.overlay.menu]:
        letters = [action.text().split("&")[1][0].lower() for action in menu.actions() if "&" in action.text()]
        assert len(letters) == len(set(letters)), menu.title()


def test_a_stopped_download_can_be_gone_on_with(window: MainWindow, companions: Companions) -> None:
    controller = window.controller
    controller.load_progressed.emit(300 * 2**20, 1200 * 2**20)
    assert "300 of 1200 MB" in window.status_line.state.text()
    assert window.status_line.cancel_button.isVisible()
    window.status_line.cancel_button.click()
    assert "what has come is kept" in window.notice_bar.text
    assert controller.state in (State.LOADING, State.FAILED)
