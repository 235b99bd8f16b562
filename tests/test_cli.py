"""The command without a model: help and version."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from s2t2_live.cli import main
from s2t2_live.flags import EXAMPLE, FLAGS
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
    others = "FILE --no-gui --json --speed --config --list-devices --save-audio -i -L -v -q -V -h".split()
    for flag in (*others, *FLAGS.values()):
        assert flag in text
    for default in ("demo-en-de", "local-agreement", "(default: auto)", "exit codes:", "examples:"):
        assert default in " ".join(text.split())


def test_help_shows_a_configuration_file_that_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    shown = text[text.index("[input]") : text.index("exit codes:")]
    assert sum(map(len, tomllib.loads(shown).values())) == len(TYPES)
    file = tmp_path / "shown.toml"
    file.write_text(shown, encoding="utf-8")
    assert load_settings(file, {}, []) == EXAMPLE
