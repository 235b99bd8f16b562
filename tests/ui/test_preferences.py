"""Changes of the settings reach whoever listens at once and the file after a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from s2t2_live.settings import Settings, WindowSettings, load_settings
from ui.preferences import Preferences

LARGE = Settings(window=WindowSettings(font_size=30))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_change_is_told_at_once_and_written_after_a_moment(qtbot: QtBot, file: Path) -> None:
    preferences = Preferences(Settings(), file)
    with qtbot.waitSignal(preferences.changed) as caught:
        preferences.change(LARGE)
    assert caught.args == [Settings(), LARGE]
    assert not file.exists()
    qtbot.waitUntil(file.exists, timeout=30_000)
    assert load_settings(file, {}, []) == LARGE


def test_what_does_not_change_is_not_told(qtbot: QtBot, file: Path) -> None:
    preferences = Preferences(LARGE, file)
    with qtbot.assertNotEmitted(preferences.changed):
        preferences.change(LARGE)
    preferences.save()
    assert not file.exists()


def test_several_changes_are_written_together(qtbot: QtBot, file: Path) -> None:
    preferences = Preferences(Settings(), file)
    for size in range(20, 31):
        preferences.change(Settings(window=WindowSettings(font_size=size)))
    preferences.save()
    assert load_settings(file, {}, []) == LARGE


def test_what_others_wrote_meanwhile_stays(qtbot: QtBot, file: Path) -> None:
    preferences = Preferences(Settings(), file)
    file.write_text("[model]\nthreads = 3\n", encoding="utf-8")
    preferences.change(LARGE)
    preferences.save()
    loaded = load_settings(file, {}, [])
    assert loaded == replace(LARGE, model=replace(loaded.model, threads=3))


def test_a_file_that_cannot_be_written_is_told_and_the_change_holds(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    preferences = Preferences(Settings(), tmp_path / "file" / "config.toml")
    preferences.change(LARGE)
    with qtbot.waitSignal(preferences.failed) as caught:
        preferences.save()
    assert caught.args is not None
    assert "the settings hold until the end" in caught.args[0]
    assert preferences.settings == LARGE
    (tmp_path / "file").unlink()
    preferences.save()
    assert load_settings(tmp_path / "file" / "config.toml", {}, []) == LARGE


def test_the_users_own_file_is_the_one_of_the_beginning(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preferences = Preferences(Settings())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    preferences.change(LARGE)
    preferences.save()
    assert (home / "config" / "s2t2-live" / "config.toml").is_file()
    assert not (tmp_path / "elsewhere").exists()
