"""The window as a user has it: on a screen, with a microphone, by the keyboard, from the start to the exported file."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.end_to_end.conftest import environment
from tests.loopback_hub import Hub, client_variables

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.usefixtures("demo_model")]

TIMEOUT = 240
"""Seconds after which something hangs; no measure of speed."""
COMMAND = Path(sys.executable).with_name("s2t2-live")
CLIPBOARD = """
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
print(application.clipboard().text())
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """The name of a display of its own."""
    missing = [program for program in ("Xvfb", "xdotool") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: apt-get install xvfb xdotool")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stdout=-3, stderr=-3) as server:
        os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
        server.terminate()


class Window:
    """The running program, its events, and the keyboard in front of it."""

    def __init__(self, process: subprocess.Popen[str], screen: str) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self._environment = os.environ | {"DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"}
        self._news = threading.Condition()
        for stream, keep in (
            (process.stdout, lambda line: self.events.append(json.loads(line))),
            (process.stderr, self.messages.append),
        ):
            threading.Thread(target=self._read, args=(stream, keep), daemon=True).start()

    def _read(self, stream: Any, keep: Callable[[str], None]) -> None:
        for line in stream:
            with self._news:
                keep(line)
                self._news.notify_all()

    def wait_for(self, done: Callable[[], object]) -> None:
        assert self.comes(done, TIMEOUT), "".join(self.messages)

    def comes(self, done: Callable[[], object], seconds: float) -> bool:
        """Whether this becomes so within that time."""
        with self._news:
            return bool(self._news.wait_for(done, seconds))

    def hear(self, speech: Path, server: Any) -> None:
        """Play it until a caption of it is there; on a busy machine the microphone may still be on its way."""
        before = len(self.of("final"))
        deadline = time.monotonic() + TIMEOUT
        while True:
            server.play(speech).wait(TIMEOUT)
            if self.comes(lambda: any(event["text"] for event in self.of("final")[before:]), 10):
                return
            assert time.monotonic() < deadline, "".join(self.messages)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def complaints(self) -> list[str]:
        """What is in the log beside the two lines that belong there."""
        return [line for line in self.messages if not re.match("s2t2-live: (Loading the model|Listening to) ", line)]

    def focus(self, title: str) -> None:
        """Give the keyboard to the window of this name, as soon as it is there."""
        found = self._xdotool("search", "--sync", "--onlyvisible", "--name", title).split()
        self._xdotool("windowfocus", "--sync", found[-1])

    def press(self, keys: str) -> None:
        self._xdotool("key", "--clearmodifiers", keys)

    def type(self, text: str) -> None:
        self._xdotool("type", text)

    def clipboard(self) -> str:
        return subprocess.run(
            [sys.executable, "-c", CLIPBOARD],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        ).stdout.strip()

    def _xdotool(self, *words: str) -> str:
        return subprocess.run(
            ["xdotool", *words], env=self._environment, check=True, capture_output=True, text=True, timeout=TIMEOUT
        ).stdout


@pytest.fixture
def opened(screen: str, tmp_path: Path) -> Callable[..., Any]:
    """The installed command, begun, with these arguments; `more` goes into the environment."""
    if not COMMAND.exists() or "import command" not in COMMAND.read_text("utf-8"):
        pytest.skip("the command beside this Python is missing or old; pip install -e . makes it")

    @contextmanager
    def begin(*arguments: str | Path, **more: str) -> Iterator[Window]:
        with subprocess.Popen(
            [str(COMMAND), "--json", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(
                tmp_path, DISPLAY=screen, QT_QPA_PLATFORM="xcb", XDG_DATA_HOME=str(tmp_path / "data"), **more
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            window = Window(process, screen)
            try:
                window.focus("s2t2-live")
                yield window
            finally:
                process.kill()

    return begin


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, recordings: dict[Path, Any]) -> Path:
    """A shipped recording, with time before it for the microphone to be opened."""
    samples, rate = soundfile.read(min(recordings, key=lambda path: len(recordings[path].english)))
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    soundfile.write(path, np.concatenate([np.zeros(3 * rate), samples, np.zeros(rate)]), rate)
    return path


def cues(srt: str) -> list[str]:
    """The texts of a valid SRT file: numbered, and with times that rise."""
    blocks = srt.strip().split("\n\n")
    times = []
    for number, block in enumerate(blocks, start=1):
        head, span, _ = block.split("\n")
        assert head == str(number)
        found = re.fullmatch(r"(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})", span)
        assert found is not None, span
        times += found.groups()
    assert times == sorted(times)
    return [block.split("\n")[2] for block in blocks]


def test_from_the_microphone_into_the_window_and_into_a_file(
    opened: Callable[..., Any], sound_server: Any, speech: Path, tmp_path: Path
) -> None:
    with opened("--policy", "final-only", "--beam-size", "1") as window:
        window.press("ctrl+r")
        window.wait_for(lambda: window.of("session"))
        window.hear(speech, sound_server)
        window.press("ctrl+r")
        window.wait_for(lambda: window.of("summary"))
        texts = [event["text"] for event in window.of("final") if event["text"]]
        assert len(window.of("final")) == len(window.of("speech_started")) > 0
        assert texts

        window.press("ctrl+shift+c")
        assert window.clipboard().splitlines() == texts

        window.press("ctrl+s")
        window.focus("Export the captions")
        window.press("ctrl+a")
        window.type(str(tmp_path / "talk.srt"))
        window.press("Return")
        exported = tmp_path / "talk.srt"
        deadline = time.monotonic() + TIMEOUT
        while not (exported.exists() and len(exported.read_text("utf-8").split("-->")) > len(texts)):
            assert time.monotonic() < deadline, "".join(window.messages)
            time.sleep(0.1)
        assert cues(exported.read_text("utf-8")) == texts

        window.focus("s2t2-live")
        window.press("ctrl+q")
        assert window.process.wait(TIMEOUT) == 0, "".join(window.messages)
    assert window.complaints == []


def test_a_lost_microphone_is_waited_for_and_the_transcript_stays(
    opened: Callable[..., Any], sound_server: Any, speech: Path, tmp_path: Path
) -> None:
    """The sound server is killed while the window listens, and comes back."""
    with opened("--policy", "final-only", "--beam-size", "1") as window:
        window.press("ctrl+r")
        window.wait_for(lambda: window.of("session"))
        window.hear(speech, sound_server)
        sound_server.kill()
        window.wait_for(lambda: any("is lost" in event["message"] for event in window.of("error")))
        sound_server.start()
        window.wait_for(lambda: window.of("gap"))
        window.hear(speech, sound_server)
        window.press("ctrl+r")
        window.wait_for(lambda: window.of("summary"))

        shown = [
            event.get("text") or f"Audio lost, {event['end'] - event['start']:.0f} s: no sound from the microphone"
            for event in window.events
            if event["type"] == "gap" or (event["type"] == "final" and event["text"])
        ]
        window.press("ctrl+shift+c")
        assert window.clipboard().splitlines() == shown
        window.press("ctrl+q")
        assert window.process.wait(TIMEOUT) == 0, "".join(window.messages)
    (journal,) = (tmp_path / "data").rglob("*.jsonl")
    saved = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert [event for event in saved[1:] if event["type"] != "partial"] == [
        event for event in window.events if event["type"] != "partial"
    ]


@pytest.mark.parametrize("moment", ["loading", "translating", "draining"])
def test_the_window_closes_at_any_moment(
    opened: Callable[..., Any], recordings: dict[Path, Any], moment: str, tmp_path: Path
) -> None:
    """The signal that the end of a desktop session sends; the transcript is saved and nothing is complained about."""
    with opened(max(recordings, key=lambda path: len(recordings[path].english))) as window:
        if moment != "loading":
            window.wait_for(lambda: window.of("speech_started"))
        if moment == "draining":
            window.press("ctrl+r")
        window.process.send_signal(signal.SIGTERM)
        assert window.process.wait(TIMEOUT) == 0, "".join(window.messages)
    assert window.complaints == []
    journals = list((tmp_path / "data").rglob("*.jsonl"))
    assert len(journals) == (moment != "loading")
    for journal in journals:
        kinds = [json.loads(line)["type"] for line in journal.read_text("utf-8").splitlines()]
        assert (*kinds[:2], kinds[-1]) == ("journal", "session", "summary")


def test_the_window_closes_while_a_model_is_downloaded(opened: Callable[..., Any], tmp_path: Path) -> None:
    """In the middle of a file that does not go on; what has come of it is kept."""
    weights = os.urandom(2 * 2**20)
    hub = Hub({"owner/published": {"config.json": b"{}", "model.safetensors": weights}})
    hub.stall_after["model.safetensors"] = len(weights) // 2
    cache = tmp_path / "cache"
    with (
        hub.serving(),
        opened("--model", "owner/published", **client_variables(hub.endpoint, cache)) as window,
    ):
        assert hub.stalled.wait(TIMEOUT), "".join(window.messages)
        window.process.send_signal(signal.SIGTERM)
        assert window.process.wait(TIMEOUT) == 0, "".join(window.messages)
    assert window.complaints == []
    assert list(cache.rglob("*.partial"))
