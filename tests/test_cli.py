"""The command line without a model: help, version, and what is read from the flags."""

from __future__ import annotations

import logging
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from s2t2_live.cli import EXAMPLE, FLAGS, main, make_parser, read_command_line
from s2t2_live.errors import UsageError
from s2t2_live.settings import TYPES, load_settings
from s2t2_live.version import __version__

HEAVY = ("torch", "numpy", "soundfile", "PySide6", "sounddevice", "tqdm", "huggingface_hub", "sacrebleu")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(flag: str) -> None:
    program = (
        "import sys\nfrom s2t2_live.cli import main\n"
        f"try:\n    main([{flag!r}])\nexcept SystemExit as leave:\n    assert leave.code == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\nassert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"s2t2-live {__version__}\n"


def test_help_shows_every_flag_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for flag in ("FILE", "--no-gui", "--json", "--speed", "--config", "-v", "-q", "-V", "-h", *FLAGS.values()):
        assert flag in text
    for default in ("demo-en-de", "local-agreement", "(default: auto)", "exit codes:", "examples:"):
        assert default in " ".join(text.split())


def test_help_shows_a_configuration_file_that_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    shown = text[text.index("[model]") : text.index("exit codes:")]
    assert sum(map(len, tomllib.loads(shown).values())) == len(TYPES)
    file = tmp_path / "shown.toml"
    file.write_text(shown, encoding="utf-8")
    assert load_settings(file, {}, []) == EXAMPLE


def test_every_setting_has_a_flag() -> None:
    assert list(FLAGS) == sorted(FLAGS, key=list(FLAGS).index)
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
