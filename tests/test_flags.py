"""What is read from the flags."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from s2t2_live.errors import UsageError
from s2t2_live.flags import FLAGS, make_parser, read_command_line
from s2t2_live.settings import TYPES, InputSettings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_every_setting_has_a_flag() -> None:
    assert FLAGS.keys() == TYPES.keys()
    assert set(FLAGS.values()) <= set(make_parser()._option_string_actions)


def test_flags_may_stand_between_files() -> None:
    arguments, settings = read_command_line(["a.wav", "--no-gui", "-m", "x", "b.wav", "-q", "--", "-c.wav", "--json"])
    assert arguments.files == [Path("a.wav"), Path("b.wav"), Path("-c.wav"), Path("--json")]
    assert arguments.json is False
    assert arguments.verbosity == logging.ERROR
    assert settings.model.name == "x"


def test_flags_become_settings() -> None:
    _, settings = read_command_line(
        ["--no-gui", "a.wav", "--offline", "--threads=3", "--step", "1", "-o", "out", "-f", "vtt, srt"]
    )
    assert settings.model.offline is True
    assert settings.model.threads == 3
    assert settings.translation.step == 1.0
    assert settings.output.directory == Path("out")
    assert settings.output.wanted == ("vtt", "srt")


@pytest.mark.parametrize(
    ("arguments", "wanted"), [([], ()), (["-o", "out"], ("txt", "srt")), (["-f", "vtt"], ("vtt",))]
)
def test_which_files_are_written(arguments: list[str], wanted: tuple[str, ...]) -> None:
    _, settings = read_command_line(["--no-gui", "a.wav", *arguments])
    assert settings.output.wanted == wanted


def test_a_flag_is_not_abbreviated() -> None:
    with pytest.raises(UsageError, match=r"There is no flag --thread; did you mean --threads\?"):
        read_command_line(["--no-gui", "a.wav", "--thread", "2"])


def test_flags_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2T2_LIVE_MODEL_THREADS", "2")
    assert read_command_line(["--no-gui", "a.wav"])[1].model.threads == 2
    assert read_command_line(["--no-gui", "a.wav", "--threads", "4"])[1].model.threads == 4


def test_a_named_input_wins_over_system_audio_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "live.toml"
    file.write_text("[input]\nsystem_audio = true\n", encoding="utf-8")
    assert read_command_line(["--no-gui", "--config", str(file)])[1].input.system_audio is True
    assert read_command_line(["--no-gui", "--config", str(file), "-i", "USB"])[1].input == InputSettings("USB", False)
    monkeypatch.setenv("S2T2_LIVE_INPUT_DEVICE", "USB")
    assert read_command_line(["--no-gui", "--config", str(file)])[1].input == InputSettings("USB", False)
    assert read_command_line(["--no-gui", "--system-audio"])[1].input.system_audio is True


@pytest.mark.parametrize(
    ("flags", "window"), [([], True), (["a.wav"], True), (["--no-gui"], False), (["--list-devices"], False)]
)
def test_when_there_is_a_window(flags: list[str], window: bool) -> None:
    assert read_command_line(flags)[0].window is window
