"""Good and bad recordings in one run: the good ones are done, the exit code tells of the others."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.training.recordings import Recording

pytestmark = pytest.mark.end_to_end

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    tone: Callable[..., Path],
    recordings: dict[Path, Recording],
    demo_model: Path,
) -> Path:
    folder = tmp_path_factory.mktemp("several")
    samples, rate = soundfile.read(next(iter(recordings)))
    (folder / "empty.wav").touch()
    whole = folder / "whole.flac"
    soundfile.write(whole, samples, rate)
    (folder / "truncated.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    low = np.repeat(samples[::2, None], 2, axis=1)
    soundfile.write(folder / "low.wav", low, rate // 2, subtype="PCM_U8")
    tone(folder / "silence.wav", 3, level=0.0)
    return folder


@pytest.fixture(scope="module")
def done(run: Run, folder: Path) -> subprocess.CompletedProcess[str]:
    names = ("missing.wav", "empty.wav", "truncated.flac", "low.wav", "silence.wav", "whole.flac")
    return run("--no-gui", *(folder / name for name in names), "--speed", "max", "-o", folder, "-f", "jsonl,txt")


def events_of(folder: Path, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines()]


def test_one_failed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_those_that_cannot_be_opened(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert f"{folder / 'missing.wav'} does not exist." in done.stderr
    assert f"{folder / 'empty.wav'} is empty" in done.stderr
    assert not (folder / "empty.txt").exists()


def test_the_truncated_one_is_done_as_far_as_it_goes(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.stderr.count("truncated.flac is damaged or cut off") == 1
    events = events_of(folder, "truncated")
    assert [event["type"] for event in events[-2:]] == ["error", "summary"]
    assert any(event["type"] == "final" for event in events)


def test_eight_bits_eight_kilohertz_stereo(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    events = events_of(folder, "low")
    assert events[0]["sample_rate"] == 8000
    assert any(event["type"] == "final" and event["text"] for event in events)


def test_silence_has_no_captions(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert [event["type"] for event in events_of(folder, "silence")] == ["session", "summary"]
    assert (folder / "silence.txt").read_text("utf-8") == ""


def test_the_good_one_is_done(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert (folder / "whole.txt").read_text("utf-8") in done.stdout
    assert not any(event["type"] == "error" for event in events_of(folder, "whole"))
