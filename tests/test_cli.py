"""The command without a model: help, version, and what it must not touch."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live import assembly
from s2t2_live.cli import main
from s2t2_live.errors import ModelNotFoundError, UsageError
from s2t2_live.flags import EXAMPLE, FLAGS
from s2t2_live.settings import TYPES, Settings, load_settings
from s2t2_live.version import __version__
from tests.live.sessions import GuessingModel, ListSource, silence, speech

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


def test_a_recording_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "talk.wav"
    kept.write_text("an older recording", encoding="utf-8")
    for source in ([], [str(kept)]):
        assert main(["--no-gui", *source, "--save-audio", str(kept)]) == UsageError.exit_code
        assert f"{kept} is there already" in capsys.readouterr().err
    assert kept.read_text("utf-8") == "an older recording"


def test_nothing_is_written_before_there_is_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assembly, "chosen_input", lambda settings: None)
    monkeypatch.setattr(assembly, "live_source", lambda device: ListSource([]))
    new = tmp_path / "talk.wav"
    assert main(["--no-gui", "-m", str(tmp_path / "typo"), "--save-audio", str(new)]) == ModelNotFoundError.exit_code
    assert not new.exists()


def test_nothing_is_replaced_when_a_voice_detector_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    monkeypatch.setattr(assembly, "load_model", lambda settings: GuessingModel())
    recording, kept = tmp_path / "talk.wav", tmp_path / "talk.srt"
    soundfile.write(recording, np.zeros(16_000), 16_000)
    kept.write_text("older captions", encoding="utf-8")
    flags = ["--no-gui", "--speed", "max", "--vad", "silero", "-f", "srt", "-o", str(tmp_path)]
    assert main([*flags, str(recording)]) == UsageError.exit_code
    assert kept.read_text("utf-8") == "older captions"
    assert "silero" in capsys.readouterr().err


def test_live_sessions_that_begin_in_the_same_second_have_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--no-gui", "-q", "-o", str(tmp_path / "captions"), "-f", "srt,txt"]
    inner: list[int] = []

    def load(settings: Settings) -> GuessingModel:
        if not inner:
            # While the first waits for its model, the second begins and ends.
            inner.append(-1)
            inner[0] = main(flags)
        return GuessingModel()

    monkeypatch.setattr(time, "strftime", lambda *_: "now")
    monkeypatch.setattr(assembly, "chosen_input", lambda settings: None)
    monkeypatch.setattr(assembly, "live_source", lambda device: ListSource([speech(2), silence(2)]))
    monkeypatch.setattr(assembly, "load_model", load)
    assert main(flags) == 0
    assert inner == [0]
    made = sorted((tmp_path / "captions").iterdir())
    assert [path.name for path in made] == ["now (2).srt", "now (2).txt", "now.srt", "now.txt"]
    assert all(path.read_text("utf-8") for path in made)


@pytest.mark.parametrize("folder", ["~nosuchuser/captions", "a\0b"])
def test_a_folder_that_cannot_be_is_one_sentence(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert main(["--no-gui", "talk.wav", "-o", folder]) == UsageError.exit_code
    assert "must be a folder" in capsys.readouterr().err


def test_a_link_to_itself_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = tmp_path / "loop.wav"
    loop.symlink_to(loop)
    assert main(["--no-gui", str(loop), "--save-audio", str(tmp_path / "a.wav")]) == 1
    assert str(loop) in capsys.readouterr().err
