"""What stands on the screen of a real pseudo-terminal, read through a small emulator of the codes we use."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from io import StringIO
from typing import TextIO

import pytest

from s2t2_live.captions.console import TerminalConsole, console, rows
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.live.events import Final, Gap, Partial

COLUMNS, LINES = 20, 5

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a POSIX thing")


class Screen:
    """A terminal's rows, of unlimited height; knows only carriage return, new line, cursor up, erase below and dim."""

    def __init__(self) -> None:
        self.lines: list[list[str]] = [[]]
        self.dimmed: set[str] = set()
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        dim = False
        for code, char in re.findall(r"(\x1b\[\d*[AJm])|(.)", text, re.DOTALL):
            if code.endswith("A"):
                self._row -= int(code[2:-1])
                assert self._row >= 0
            elif code == "\x1b[J":
                del self.lines[self._row + 1 :]
                del self.lines[self._row][self._column :]
            elif code.endswith("m"):
                dim = code == "\x1b[2m"
            elif char == "\r":
                self._column = 0
            elif char == "\n":
                self._move_down()
            else:
                if self._column == COLUMNS:
                    self._move_down()
                    self._column = 0
                line = self.lines[self._row]
                line[self._column :] = [char]
                self._column += 1
                if dim:
                    self.dimmed.add(char)

    def _move_down(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append([])

    @property
    def text(self) -> list[str]:
        return ["".join(line) for line in self.lines]


@pytest.fixture
def terminal() -> Iterator[tuple[TextIO, int]]:
    """The writing end as a text stream, the reading end as a file descriptor."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with os.fdopen(writer, "w", encoding="utf-8") as out:
        yield out, reader
    os.close(reader)


def read(out: TextIO, reader: int) -> str:
    """All that was written; a pseudo-terminal may hand it over in pieces."""
    out.write("\0")
    out.flush()
    text = b""
    while not text.endswith(b"\0"):
        text += os.read(reader, 65_536)
    return text[:-1].decode()


def partial(committed: str, tentative: str) -> Partial:
    return Partial(0, 0.0, 1.0, committed, tentative, 0.1)


def final(text: str) -> Final:
    return Final(0, 0.0, 1.0, text, 0.1, 0.2)


def test_partials_are_rewritten_in_place_and_end_as_the_final(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    for event, shown in [
        (partial("", "Ich"), ["Ich"]),
        (partial("Ich", "habe eine Katze und"), ["Ich habe eine Katze ", "und"]),
        (partial("Ich habe einen", "Hund"), ["Ich habe einen Hund"]),
        (partial("Ich habe einen", "Hund."), ["Ich habe einen Hund."]),
        (partial("Ich habe einen", "Hund.."), ["Ich habe einen Hund.", "."]),
        (final("Ich habe einen Hund."), ["Ich habe einen Hund.", ""]),
        (partial("", "Ja"), ["Ich habe einen Hund.", "Ja"]),
        (Gap(1.0, 2.0, "disk"), ["Ich habe einen Hund.", "[audio lost: disk]", ""]),
    ]:
        sink.handle(event)
        screen.feed(read(out, reader))
        assert screen.text == shown


def test_only_the_tentative_words_are_dim(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(partial("abc", "xyz"))
    sink.handle(final("def"))
    screen.feed(read(out, reader))
    assert screen.dimmed - {" "} == {"x", "y", "z"}


def test_tentative_punctuation_stands_close_to_the_word_before(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(partial("Wo ist", "?"))
    screen.feed(read(out, reader))
    assert screen.text == ["Wo ist?"]
    assert screen.dimmed == {"?"}


def test_of_a_caption_higher_than_the_screen_the_end_is_shown(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(partial("a" * COLUMNS + "b" * 4 * COLUMNS, "end"))
    screen.feed(read(out, reader))
    assert len(screen.text) == LINES - 1
    assert screen.text[-1].endswith("end")
    sink.handle(final("Ja."))
    screen.feed(read(out, reader))
    assert screen.text == ["Ja.", ""]


def test_a_terminal_of_unknown_size(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    fcntl.ioctl(out.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    TerminalConsole(out).handle(partial("Guten", "Tag"))
    assert read(out, reader) == "Guten\x1b[2m Tag\x1b[0m"


def test_close_leaves_no_unfinished_caption(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(final("Ja."))
    sink.handle(partial("", "Vielleicht doch nicht ganz"))
    sink.close()
    screen.feed(read(out, reader))
    assert screen.text == ["Ja.", ""]


def test_the_stream_chooses_the_console(terminal: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(console(terminal[0]), TerminalConsole)
    assert isinstance(console(StringIO()), TxtWriter)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(console(terminal[0]), TxtWriter)


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 1), ("a" * 20, 1), ("a" * 21, 2), ("日" * 10, 1), ("a" + "日" * 10, 2), ("a\u0301" * 20, 1)],
)
def test_rows(text: str, count: int) -> None:
    assert rows(text, 20) == count


def test_the_status_stands_below_what_is_rewritten(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    for act, shown in [
        (lambda: sink.show_status("0:01"), ["0:01"]),
        (lambda: sink.handle(partial("Ich", "habe eine Katze")), ["Ich habe eine Katze", "0:01"]),
        (lambda: sink.show_status("0:02"), ["Ich habe eine Katze", "0:02"]),
        (lambda: sink.handle(final("Ich habe eine Katze.")), ["Ich habe eine Katze.", "0:02"]),
        (lambda: sink.show_status("0:03"), ["Ich habe eine Katze.", "0:03"]),
        (lambda: sink.show_status("-" * 50), ["Ich habe eine Katze.", "-" * (COLUMNS - 1)]),
    ]:
        act()
        screen.feed(read(out, reader))
        assert screen.text == shown
    sink.show_status("-" * 50)
    assert read(out, reader) == "", "nothing new, nothing written"
    sink.close()
    screen.feed(read(out, reader))
    assert screen.text == ["Ich habe eine Katze.", ""]


def test_what_else_is_written_stands_above(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(partial("Guten", "Tag"))
    sink.show_status("0:01")
    with sink.interrupted():
        out.write("s2t2-live: late\n")
    screen.feed(read(out, reader))
    assert screen.text == ["s2t2-live: late", "Guten Tag", "0:01"]


def test_a_high_caption_leaves_room_for_the_status(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.show_status("0:01")
    sink.handle(partial("a" * 6 * COLUMNS, "end"))
    screen.feed(read(out, reader))
    assert len(screen.text) == LINES - 1
    assert screen.text[-2:] == [" end", "0:01"]
    sink.handle(final("Ja."))
    screen.feed(read(out, reader))
    assert screen.text == ["Ja.", "0:01"]


def test_a_caption_that_the_model_is_not_sure_of_says_so(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink = TerminalConsole(out)
    sink.handle(Final(1, 0.0, 1.0, "Ja.", 0.1, 0.2, confidence=0.9))
    sink.handle(Final(2, 1.0, 2.0, "Nein.", 0.1, 0.2, confidence=0.2))
    sink.handle(Final(3, 2.0, 3.0, "Doch.", 0.1, 0.2, confidence=None))
    shown = read(out, reader).replace("\r\n", "\n")
    assert shown == "Ja.\nNein. \x1b[2m(uncertain)\x1b[0m\nDoch.\n"


def test_words_that_are_withdrawn_leave_the_screen(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    sink, screen = TerminalConsole(out), Screen()
    sink.handle(partial("", "Vielleicht"))
    sink.handle(final(""))
    screen.feed(read(out, reader))
    assert screen.text == [""]


def test_a_pause_is_no_loss(terminal: tuple[TextIO, int]) -> None:
    out, reader = terminal
    TerminalConsole(out).handle(Gap(1.0, 5.0, "paused"))
    assert read(out, reader) == "[paused]\r\n"
