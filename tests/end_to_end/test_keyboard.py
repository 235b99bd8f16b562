"""The key that pauses, on a terminal of the command's own, and how the terminal is left."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from s2t2_live.training.recordings import Recording
from tests.end_to_end.conftest import TIMEOUT

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("demo_model")]

Start = Callable[..., AbstractContextManager[subprocess.Popen[str]]]


class Terminal:
    """A pseudo-terminal, and all that was written to it."""

    def __init__(self) -> None:
        self._reader, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.shown = ""
        self._open: tuple[int, ...] = (self._reader, self.end)

    @property
    def modes(self) -> list[object]:
        return termios.tcgetattr(self.end)

    def until(self, done: Callable[[], object], process: subprocess.Popen[str]) -> None:
        """Read until this is so."""
        while not done():
            assert process.poll() is None, self.shown
            self._read()

    def rest(self, process: subprocess.Popen[str]) -> None:
        """Read until the process has ended."""
        while process.poll() is None:
            self._read()

    def type(self, keys: str) -> None:
        os.write(self._reader, keys.encode())

    def hang_up(self) -> None:
        """As when its window is closed."""
        for number in self._open:
            os.close(number)
        self._open = ()

    close = hang_up

    def _read(self) -> None:
        if select.select([self._reader], [], [], 0.1)[0]:
            self.shown += os.read(self._reader, 65_536).decode(errors="replace")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture(scope="module")
def recording(recordings: dict[Path, Recording]) -> Path:
    """The shipped recording with the fewest words."""
    return min(recordings, key=lambda path: len(recordings[path].english))


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid of util-linux gives the command its own terminal")
@pytest.mark.parametrize(("keys", "code"), [("p", 0), ("\x03", 0), ("\x03\x03", 130)])
def test_a_key_pauses_and_the_terminal_is_left_as_it_was(
    start: Start, terminal: Terminal, recording: Path, keys: str, code: int
) -> None:
    """What ends the pause is another key, or Ctrl-C."""
    before, end = terminal.modes, terminal.end
    streams = {"stdin": end, "stdout": end, "stderr": end}
    with start("--no-gui", recording, before=["setsid", "--ctty"], **streams) as process:
        terminal.until(lambda: "space pauses" in terminal.shown, process)
        assert terminal.modes != before
        terminal.type("x ")
        terminal.until(lambda: "paused, space goes on" in terminal.shown, process)
        seen = len(terminal.shown)
        for key in keys:
            terminal.type(key)
            if key == "\x03":
                terminal.until(lambda: "Ctrl-C again" in terminal.shown, process)
        terminal.rest(process)
    assert process.returncode == code, terminal.shown
    assert terminal.modes == before
    assert ("space pauses" in terminal.shown[seen:]) == (keys == "p")
    assert "x " not in terminal.shown, "nothing that is typed is seen"


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid of util-linux gives the command its own terminal")
def test_a_command_in_the_background_leaves_the_terminal_alone(
    start: Start, terminal: Terminal, recording: Path
) -> None:
    """The system would stop it otherwise."""
    before, end = terminal.modes, terminal.end
    streams = {"stdin": end, "stdout": end, "stderr": end}
    shell = ["setsid", "--ctty", "sh", "-c", 'set -m; "$@" & wait', "sh"]
    with start("--no-gui", recording, before=shell, **streams) as process:
        terminal.until(lambda: "space pauses" in terminal.shown, process)
        assert terminal.modes == before
        terminal.rest(process)
    assert process.returncode == 0, terminal.shown
    assert terminal.modes == before


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid of util-linux gives the command its own terminal")
def test_a_terminal_that_is_closed_takes_nothing_along(
    start: Start, terminal: Terminal, recording: Path, tmp_path: Path
) -> None:
    """What was heard by then is in the file, and the session ends as after Ctrl-C."""
    file = tmp_path / f"{recording.stem}.jsonl"
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), terminal.end)
    arguments = ("--no-gui", recording, "-f", "jsonl", "-o", tmp_path)
    with start(*arguments, before=["setsid", "--ctty"], **streams) as process:
        terminal.until(lambda: file.exists() and '"speech_started"' in file.read_text("utf-8"), process)
        terminal.hang_up()
        process.wait(TIMEOUT)
    kinds = [json.loads(line)["type"] for line in file.read_text("utf-8").splitlines()]
    assert kinds.count("final") == kinds.count("speech_started") > 0
    assert kinds[-1] == "summary"
    assert process.returncode == 0
