"""Bad input: one clear sentence, the right exit code, and what is good is still done."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

Run = Callable[..., subprocess.CompletedProcess[str]]


def refused(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """It ended with that code, no caption, and one sentence with these parts."""
    sentences = [line for line in done.stderr.splitlines() if "Loading the model" not in line]
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert len(sentences) == 1, done.stderr
    assert sentences[0].startswith("s2t2-live: ")
    assert sentences[0].endswith((".", "?"))
    for part in parts:
        assert part in sentences[0]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "no display for the window; add --no-gui"),
        (["talk.wav"], "no display for the window; add --no-gui"),
        (["a.wav", "b.wav"], "The window replays one recording"),
        (["--no-gui", "talk.wav", "-i", "USB"], "Give either recordings or --input"),
        (["--no-gui", "talk.wav", "--system-audio"], "Give either recordings or --system-audio"),
        (["--no-gui", "--system-audio", "-i", "USB"], "Give either --input or --system-audio"),
        (["--no-gui", "--speed", "max"], "--speed max is for recordings"),
        (["--no-gui", "a.wav", "b.wav", "--save-audio", "c.wav"], "--save-audio writes one file"),
        (["--no-gui", "--save-audio", "talk.mp3"], "--save-audio writes .wav and .flac files, not talk.mp3."),
        (["--save-audio", "talk.wav"], "--save-audio writes one file; add --no-gui."),
        (["talk.wav", "--speed", "max"], "add --no-gui for --speed max."),
        (["--no-gui", "--certainty", "2"], "--certainty must be a number of at least 0 and at most 1, not 2.0."),
        (["--no-gui", "--vad", "ears"], '--vad must be webrtc or silero, not "ears".'),
        (["--no-gui", "talk.wav", "--speed", "fast"], "--speed"),
        (
            ["--no-gui", "talk.wav", "--threads", "many"],
            "--threads must be a whole number of at least 1 and at most 256,",
        ),
        (
            ["--no-gui", "talk.wav", "--beam-size", "0"],
            "--beam-size must be a whole number of at least 1 and at most 200,",
        ),
        (["--no-gui", "talk.wav", "--step", "-1"], "--step must be a number of at least 0.1, not -1.0."),
        (["--no-gui", "talk.wav", "--device", "gpu"], "--device must be auto, cpu, cuda or mps"),
        (["--no-gui", "talk.wav", "-f", "doc"], "--format must be one or more of txt, srt, vtt, jsonl"),
        (["--no-gui", "talk.wav", "--modle", "x"], "did you mean --model?"),
        (["--no-gui", "talk.wav", "--threads"], "--threads"),
        (["--no-gui", "talk.wav", "-v", "-q"], "not allowed"),
        (["--no-gui", "talk.wav", "--config", "none.toml"], "none.toml"),
        (["--no-gui", "talk.wav", "a/talk.flac", "-f", "srt"], "would both be written to talk.srt"),
        (["--no-gui", "talk.txt", "-f", "txt"], "would overwrite the recording talk.txt"),
    ],
)
def test_usage(run: Run, arguments: list[str], part: str) -> None:
    refused(run(*arguments, DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM=""), 2, part)


def test_settings(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[model]\nthread = 2\n", encoding="utf-8")
    refused(run("--no-gui", "talk.wav", "--config", file), 2, str(file), "model.thread", "did you mean model.threads?")
    refused(run("--no-gui", "talk.wav", S2T2_LIVE_MODEL_DEVICE="gpu"), 2, "S2T2_LIVE_MODEL_DEVICE")


def test_missing_file(run: Run) -> None:
    refused(run("--no-gui", "none.wav"), 1, "none.wav does not exist")


def test_folder(run: Run, tmp_path: Path) -> None:
    refused(run("--no-gui", tmp_path), 1, str(tmp_path), "folder")


def test_empty_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "empty.wav"
    file.touch()
    refused(run("--no-gui", file), 1, str(file), "empty")


def test_text_named_wav(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notes.wav"
    file.write_text("Dear diary\n" * 100, encoding="utf-8")
    refused(run("--no-gui", file), 1, str(file), "not audio")


def test_no_samples(run: Run, tone: Callable[..., Path], tmp_path: Path) -> None:
    file = tone(tmp_path / "nothing.wav", 0)
    refused(run("--no-gui", file), 1, str(file), "no audio")


def test_output_folder_that_is_a_file(run: Run, tone: Callable[..., Path], tmp_path: Path) -> None:
    file = tone(tmp_path / "tone.wav", 1)
    refused(run("--no-gui", file, "-o", file), 1, str(file), "Cannot create the folder", "file exists")


def test_unknown_model(run: Run, tone: Callable[..., Path], tmp_path: Path) -> None:
    done = run("--no-gui", tone(tmp_path / "tone.wav", 1), "-m", "demo-en-xx", "--offline")
    refused(done, 4, "demo-en-xx")


def test_model_folder_without_weights(run: Run, tone: Callable[..., Path], demo_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(demo_model, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"))
    refused(run("--no-gui", tone(tmp_path / "tone.wav", 1), "-m", folder), 4, str(folder))


def test_model_folder_with_a_broken_configuration(run: Run, tone: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": ', encoding="utf-8")
    refused(run("--no-gui", tone(tmp_path / "tone.wav", 1), "-m", folder), 4, str(folder), "config.json")


def test_silence_alone_is_no_failure(run: Run, tone: Callable[..., Path], demo_model: Path, tmp_path: Path) -> None:
    done = run("--no-gui", tone(tmp_path / "silence.wav", 2, level=0.0), "--speed", "max", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
