"""Replays as a user starts them: what is printed, what is written, how they are stopped."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from s2t2_live.training.recordings import Recording, split_sentences

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("demo_model")]

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., AbstractContextManager[subprocess.Popen[str]]]


def events_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "final"]


@pytest.fixture(scope="module")
def recording(recordings: dict[Path, Recording]) -> Path:
    """The shipped recording with the fewest words."""
    return min(recordings, key=lambda path: len(recordings[path].english))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captions")


@pytest.fixture(scope="module")
def fast(run: Run, recording: Path, written: Path) -> subprocess.CompletedProcess[str]:
    """The recording as fast as possible, as JSON, which is UTF-8 everywhere, and into files of every format."""
    arguments = ("--no-gui", "--json", "-v", "--speed", "max", recording)
    files = ("-o", written / "new", "-f", "txt,srt,vtt,jsonl")
    return run(*arguments, *files, PYTHONIOENCODING="ascii", PYTHONUTF8="0")


def test_json_tells_the_whole_session(
    fast: subprocess.CompletedProcess[str], recordings: dict[Path, Recording], recording: Path
) -> None:
    assert fast.returncode == 0, fast.stderr
    events = events_of(fast.stdout)
    assert events[0]["type"] == "session"
    assert events[0]["source"] == recording.name
    assert events[-1]["type"] == "summary"
    finals = [event for event in events if event["type"] == "final"]
    assert len(finals) == len(split_sentences(recordings[recording].english))
    assert [final["segment"] for final in finals] == [
        event["segment"] for event in events if event["type"] == "speech_ended"
    ]
    for final in finals:
        partials = [event for event in events if event["type"] == "partial" and event["segment"] == final["segment"]]
        assert partials
        for earlier, later in pairwise(partials):
            assert later["committed"].startswith(earlier["committed"])
        assert final["text"].startswith(partials[-1]["committed"])


def test_the_speed_does_not_change_the_captions(
    fast: subprocess.CompletedProcess[str], run: Run, recording: Path
) -> None:
    slow = run("--no-gui", "--json", recording)
    assert slow.returncode == 0, slow.stderr
    if any(event["type"] == "load" for event in events_of(slow.stdout)):
        pytest.skip("this machine is too busy to keep up with the recording")
    assert texts(events_of(slow.stdout)) == texts(events_of(fast.stdout)) != []


def test_files_tell_the_same(fast: subprocess.CompletedProcess[str], written: Path, recording: Path) -> None:
    def file(format: str) -> str:
        return (written / "new" / f"{recording.stem}.{format}").read_text("utf-8")

    said = texts(events_of(fast.stdout))
    assert file("jsonl") == fast.stdout
    assert file("txt").splitlines() == said
    assert [block.splitlines()[2] for block in file("srt").strip().split("\n\n")] == said
    assert [block.splitlines()[1] for block in file("vtt").strip().split("\n\n")[1:]] == said


def test_details_are_told_on_request(fast: subprocess.CompletedProcess[str]) -> None:
    assert "real-time factor" in fast.stderr


def test_a_pipe_gets_finals_in_its_own_encoding(
    fast: subprocess.CompletedProcess[str], run: Run, recording: Path
) -> None:
    done = run("--no-gui", "--speed", "max", "-q", recording, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        text.encode("ascii", errors="replace").decode() for text in texts(events_of(fast.stdout))
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_or_the_end_of_the_terminal_finishes_what_was_heard(
    start: Start, recording: Path, number: signal.Signals
) -> None:
    lines = []
    with start("--no-gui", "--json", recording) as process:
        for line in process.stdout:
            lines.append(line)
            if json.loads(line)["type"] == "partial":
                process.send_signal(number)
                break
        rest, messages = process.communicate()
    assert process.returncode == 0, messages
    events = events_of("".join(lines) + rest)
    started = [event["segment"] for event in events if event["type"] == "speech_started"]
    assert [event["segment"] for event in events if event["type"] == "final"] == started != []
    assert events[-1]["type"] == "summary"
    assert "Ctrl-C again" in messages


def test_a_second_ctrl_c_aborts(start: Start, shared_audio: Path) -> None:
    with start("--no-gui", "--json", shared_audio / "jfk.flac", "--beam-size", "200") as process:
        for line in process.stdout:
            if json.loads(line)["type"] == "speech_ended":
                process.send_signal(signal.SIGINT)
                break
        for line in process.stderr:
            if "Ctrl-C again" in line:
                process.send_signal(signal.SIGINT)
                break
        _, messages = process.communicate()
    assert process.returncode == 130, messages
    assert "Traceback" not in messages


def test_a_reader_that_leaves(start: Start, recordings: dict[Path, Recording]) -> None:
    with start("--no-gui", "--json", *recordings) as process:
        process.stdout.readline()
        process.stdout.close()
        messages = process.stderr.read()
    assert process.returncode == 0, messages
    assert [re.sub("^s2t2-live: Loading.*|^s2t2-live: .*, 1 of .*", "", line) for line in messages.splitlines()] == [
        "",
        "",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_does_not_stop_the_files(start: Start, recording: Path, tmp_path: Path) -> None:
    arguments = ("--no-gui", "--speed", "max", recording, "-o", tmp_path, "-f", "jsonl")
    with open("/dev/full", "w") as full, start(*arguments, stdout=full) as process:
        messages = process.stderr.read()
    assert process.returncode == 1, messages
    assert messages.count("Cannot write to standard output: no space left on device.") == 1
    assert "Traceback" not in messages
    events = events_of((tmp_path / f"{recording.stem}.jsonl").read_text("utf-8"))
    assert texts(events)
    assert events[-1]["type"] == "summary"


def test_closed_output_is_no_failure(start: Start, recording: Path, tmp_path: Path) -> None:
    """As `>&-` and some services close it."""
    command = '"$@" >&- 2>&-'
    arguments = ["--no-gui", "--speed", "max", recording, "-o", tmp_path, "-f", "txt"]
    with start(*arguments, before=["sh", "-c", command, "sh"]) as process:
        process.communicate()
    assert process.returncode == 0
    assert (tmp_path / f"{recording.stem}.txt").read_text("utf-8")


def test_a_terminal_gets_a_progress_bar_and_clean_captions(
    fast: subprocess.CompletedProcess[str], start: Start, recording: Path
) -> None:
    shown = on_terminal(start, "--no-gui", "--speed", "max", recording)
    assert re.search(rf"{re.escape(recording.name)} +\d+% .*\d+ of \d+ s, ", shown)
    for text in texts(events_of(fast.stdout)):
        assert f"\r{text}\r\n" in shown


def test_a_terminal_gets_partials_in_place(
    fast: subprocess.CompletedProcess[str], start: Start, recording: Path
) -> None:
    shown = on_terminal(start, "--no-gui", recording)
    assert "\x1b[2m" in shown
    assert "%" not in shown
    assert "space" not in shown, "where no key can be pressed, none is offered"
    for text in texts(events_of(fast.stdout)):
        assert f"\r\x1b[J{text}\r\n" in shown


def on_terminal(start: Start, *arguments: str | Path) -> str:
    """All that the command writes when both of its outputs are one terminal, and its input is none."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    with start(*arguments, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer) as process:
        os.close(writer)
        shown = b""
        with os.fdopen(reader, "rb", buffering=0) as terminal, suppress(OSError):
            # Linux raises an error when the last writer has closed.
            while piece := terminal.read(65_536):
                shown += piece
    assert process.returncode == 0, shown
    return shown.decode()
