"""Live sessions as a user starts them, on a real sound server."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from s2t2_live.training.recordings import Recording

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("demo_model")]

RATES = (16_000, 44_100, 48_000)
SHIFTS = range(0, 20, 2)
"""Milliseconds; the voice detector looks at frames of 20."""
SURE = 0.97
"""Confidence from which on nothing that can be called the same sound is understood in another way."""
CANDIDATES = 12
"""So many of the surest sentences are looked at."""
LIGHT = ("--policy", "final-only", "--beam-size", "1")
"""Flags with which neither the load of the machine nor a shift by a millisecond makes a difference to the captions."""

Run = Callable[..., subprocess.CompletedProcess[str]]
Listening = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def understood(recordings: dict[Path, Recording], run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of three sentences each, of which the model is sure, and right however they are shifted and resampled.

    Of what it does not understand it makes something else whenever the sound is shifted by a millisecond, in a replay
    too; that says nothing about the microphone.
    """
    folder = tmp_path_factory.mktemp("understood")
    found: list[tuple[float, np.ndarray]] = []
    wanted = " ".join(recording.german for recording in recordings.values())
    for path in sorted(recordings):
        samples, _ = soundfile.read(path)
        done = run("--no-gui", "--json", "--speed", "max", *LIGHT, path)
        assert done.returncode == 0, done.stderr
        events = map(json.loads, done.stdout.splitlines())
        finals = [event for event in events if event["type"] == "final" and event["text"] and event["text"] in wanted]
        sure = [event for event in finals if event["confidence"] >= SURE]
        for event in sure:
            start, end = int(16_000 * (event["start"] - 0.3)), int(16_000 * (event["end"] + 0.3))
            found.append((event["confidence"], samples[max(0, start) : end]))
    sentences = [sentence for _, sentence in sorted(found, key=lambda pair: -pair[0])[:CANDIDATES]]
    changed: dict[Path, int] = {}
    for number, sentence in enumerate(sentences):
        for shift, rate in itertools.product(SHIFTS, RATES[:2]):
            path = folder / f"{number}-{shift}-{rate}.wav"
            samples = soxr.resample(np.concatenate([np.zeros(16 * shift), sentence]), 16_000, rate)
            soundfile.write(path, samples, rate)
            changed[path] = number
    done = run("--no-gui", "--speed", "max", *LIGHT, "-o", folder, "-f", "txt", *changed)
    assert done.returncode == 0, done.stderr
    said: dict[int, set[str]] = {}
    for path, number in changed.items():
        said.setdefault(number, set()).add(path.with_suffix(".txt").read_text(encoding="utf-8"))
    steady = [number for number, texts in said.items() if len(texts) == 1 and {*texts}.pop().strip() in wanted]
    assert len(steady) >= 6
    pause = np.zeros(16_000)
    made = []
    for first, second, third in zip(steady[::3], steady[1::3], steady[2::3], strict=False):
        made.append(folder / f"from-{first}.wav")
        parts = [sentences[first], pause, sentences[second], pause, sentences[third]]
        soundfile.write(made[-1], np.concatenate(parts), 16_000)
    return made


def joined(path: Path, recordings: Sequence[Path], least: float) -> Path:
    """The recordings one after the other, again and again, with a second between them, for at least so long."""
    pieces: list[np.ndarray] = []
    at = 0
    while sum(map(len, pieces)) < least * 16_000:
        samples, rate = soundfile.read(recordings[at % len(recordings)])
        assert rate == 16_000
        pieces += [samples, np.zeros(rate)]
        at += 1
    soundfile.write(path, np.concatenate(pieces), 16_000)
    return path


def word_error(reference: Sequence[str], heard: Sequence[str]) -> float:
    """Words put in, left out or replaced, divided by the words of the reference."""
    right, words = " ".join(reference).split(), " ".join(heard).split()
    row = list(range(len(words) + 1))
    for i, word in enumerate(right, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(words, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / len(right)


def whole(command: Any) -> None:
    """It ended as it should: every segment has its caption, and the summary is the last word."""
    assert command.process.returncode == 0, "".join(command.messages)
    assert command.events[-1]["type"] == "summary"
    spans = [(event["segment"], event["start"], event["end"]) for event in command.of("speech_ended")]
    assert [(event["segment"], event["start"], event["end"]) for event in command.of("final")] == spans
    assert len(command.of("speech_started")) == len(spans)


@pytest.mark.slow
def test_a_microphone_gives_the_finals_of_the_replay(
    understood: list[Path], sound_server: Any, listening: Listening, finals_of: Any, tmp_path: Path
) -> None:
    """Two minutes, into microphones of three rates at once; no two sessions are alike by the millisecond."""
    talk = joined(tmp_path / "talk.wav", understood, least=120)
    with ExitStack() as stack:
        commands = [stack.enter_context(listening("-i", f"microphone_{rate}", *LIGHT)) for rate in RATES]
        for command in commands:
            command.listening()
        players = [sound_server.play(talk, rate) for rate in RATES]
        for player in players:
            assert player.wait() == 0
        time.sleep(1)  # what was played last is still on its way
        for command in commands:
            command.process.send_signal(signal.SIGINT)
        for command in commands:
            command.join()
    reference = finals_of(talk, *LIGHT)
    for rate, command in zip(RATES, commands, strict=True):
        whole(command)
        assert command.events[0]["sample_rate"] == rate
        assert command.of("gap") == []
        assert word_error(reference, command.texts) <= 0.02, (rate, set(command.texts) - set(reference))


def test_a_server_that_is_killed_and_comes_back(
    understood: list[Path], sound_server: Any, listening: Listening, finals_of: Any, tmp_path: Path
) -> None:
    first, second = understood[:2]
    with listening(*LIGHT, "-o", tmp_path, "-f", "srt,txt", "--save-audio", tmp_path / "talk.wav") as command:
        command.listening()
        sound_server.play(first).wait()
        command.wait_for(lambda: len(command.of("speech_ended")) >= 2)
        sound_server.play(second)
        started = len(command.of("speech_started"))
        command.wait_for(lambda: len(command.of("speech_started")) > started)
        sound_server.kill()
        command.wait_for(lambda: any("is lost" in event["message"] for event in command.of("error")))
        sound_server.start()
        command.wait_for(lambda: command.of("gap"))
        before = len(command.texts)
        sound_server.play(second).wait()
        time.sleep(1)
        command.interrupt()
    whole(command)
    (gap,) = command.of("gap")
    assert gap["reason"] == "no sound from the microphone"
    assert word_error(finals_of(first, *LIGHT), command.texts[: len(finals_of(first, *LIGHT))]) <= 0.2
    assert word_error(finals_of(second, *LIGHT), command.texts[-len(finals_of(second, *LIGHT)) :]) <= 0.2
    assert before < len(command.texts)
    assert not any(event["fatal"] for event in command.of("error"))
    (subtitles,) = tmp_path.glob("s2t2-live_*.srt")
    assert subtitles.read_text("utf-8").count("[audio lost: no sound from the microphone]") == 1
    (text,) = tmp_path.glob("s2t2-live_*.txt")
    assert [line for line in text.read_text("utf-8").splitlines() if not line.startswith("[")] == command.texts
    heard, outage = command.of("summary")[0]["audio"], gap["end"] - gap["start"]
    saved = soundfile.info(tmp_path / "talk.wav").duration
    assert saved == pytest.approx(heard + outage, abs=0.001), "the outage is silence"


def test_system_audio(understood: list[Path], sound_server: Any, listening: Listening, finals_of: Any) -> None:
    recording = understood[0]
    with listening("--system-audio", *LIGHT) as command:
        command.listening()
        time.sleep(4)  # nothing plays, which is no reason for a hint
        sound_server.play(recording).wait()
        time.sleep(1)
        command.interrupt()
    whole(command)
    assert command.events[0]["source"] == "Monitor of Speaker_16000"
    assert command.of("error") == []
    assert word_error(finals_of(recording, *LIGHT), command.texts) <= 0.2


def test_a_terminal_shows_level_and_backlog(understood: list[Path], sound_server: Any, start: Any) -> None:
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    with start("--no-gui", stdout=writer, stderr=writer) as process:
        os.close(writer)
        shown, played, stopped = "", None, False
        with os.fdopen(reader, "rb", buffering=0) as terminal, suppress(OSError):
            # Linux raises an error when the last writer has closed.
            while piece := terminal.read(65_536):
                shown += piece.decode(errors="replace")
                if played is None and "behind" in shown:
                    played = sound_server.play(understood[0])
                elif played is not None and played.poll() is not None and not stopped:
                    process.send_signal(signal.SIGINT)
                    stopped = True
    assert process.returncode == 0, shown
    assert re.search(r"\d:\d\d  \[[#.]{12}\] -\d+ dB  \d\.\d s behind", shown)
    assert "\x1b[2m" in shown
    assert "Expression '" not in shown, "what PortAudio says to itself"


def test_list_devices(sound_server: Any, run: Any) -> None:
    table = run("--list-devices")
    assert table.returncode == 0, table.stderr
    lines = table.stdout.splitlines()
    assert re.search(r"^\* +Microphone_16000 +microphone +1 +16000 Hz +pulse:microphone_16000$", table.stdout, re.M)
    assert re.search(r"^ +Monitor of Speaker_48000 +what the computer plays +1 +48000 Hz ", table.stdout, re.M)
    assert len(lines) == 2 + 2 * len(RATES)
    devices = [json.loads(line) for line in run("-L", "--json").stdout.splitlines()]
    assert {"id": "pulse:microphone_44100", "name": "Microphone_44100", "kind": "microphone", "channels": 1,
            "sample_rate": 44_100, "default": False} in devices  # fmt: skip


def test_an_input_that_is_not_there(sound_server: Any, run: Any) -> None:
    done = run("--no-gui", "-i", "headset")
    assert done.returncode == 3
    assert done.stdout == ""
    assert 'There is no audio input "headset"; there are: ' in done.stderr
    assert "Loading the model" not in done.stderr, "said before the model is loaded"


def test_no_sound_system(sound_folder: Path, run: Any) -> None:
    for arguments in (["--no-gui"], ["--list-devices"], ["--no-gui", "--system-audio"]):
        done: subprocess.CompletedProcess[str] = run(*arguments)
        assert done.returncode == 3, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
