"""Captions on a terminal, the caption in the making rewritten in place. Knows no model and no audio."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

from s2t2_live.captions.cue import Cue, CueOrder, one_line
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.live.events import Event, Final, Partial

ERASE_BELOW = "\x1b[J"
DIM = "\x1b[2m"
PLAIN = "\x1b[0m"


def console(out: TextIO) -> TerminalConsole | TxtWriter:
    """A `TerminalConsole` if `out` is a terminal that can move its cursor, else lines of finals."""
    if out.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalConsole(out)
    return TxtWriter(out)


class TerminalConsole:
    """A sink that shows the caption in the making, committed words plain and tentative ones dim, below the finals.

    Below that there is room for one line about the session.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._cues = CueOrder()
        self._text, self._committed = "", 0
        """The caption in the making, and how many of its characters are committed."""
        self._status = ""
        self._shown_rows = 0
        self._lock = Lock()

    def handle(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, Partial):
                self._text, self._committed = one_line(event.text), len(one_line(event.committed))
                self._put(self._erase() + self._draw())
            else:
                cues = list(self._cues.add(event))
                if cues or isinstance(event, Final):
                    self._text = ""
                    self._put(self._erase() + "".join(map(_line, cues)) + self._draw())

    def show_status(self, text: str) -> None:
        """Show this about the session until another text comes; from any thread."""
        with self._lock:
            if text != self._status:
                self._status = text
                self._put(self._erase() + self._draw())

    def close(self) -> None:
        """Take away a caption that was never finished, write the gaps that still wait; the stream stays open."""
        with self._lock:
            self._text = self._status = ""
            self._put(self._erase() + "".join(map(_line, self._cues.finish())))

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Take away what is rewritten while something else writes to the terminal, from any thread."""
        with self._lock:
            self._put(self._erase())
            yield
            self._put(self._draw())

    def _draw(self) -> str:
        if not (self._text or self._status):
            return ""
        size = os.get_terminal_size(self._out.fileno())
        # Serial lines and some pseudo-terminals say 0.
        columns, lines = size.columns or 80, size.lines or 24
        parts = [self._caption(columns, lines - 1 - bool(self._status))] if self._text else []
        if self._status:
            parts.append(f"{DIM}{fitting(self._status, columns)}{PLAIN}")
            self._shown_rows += 1
        return "\r\n".join(parts)

    def _caption(self, columns: int, lines: int) -> str:
        """The caption in the making, and in `_shown_rows` how many rows it takes."""
        text = self._text
        # Rows that have left the screen cannot be rewritten: of a longer caption only the end is shown.
        hidden = 0
        while rows(text[hidden:], columns) > max(1, lines):
            hidden += columns
        plain = text[hidden : self._committed]
        dim = text[max(hidden, self._committed) :]
        self._shown_rows = rows(text[hidden:], columns)
        return plain + (f"{DIM}{dim}{PLAIN}" if dim else "")

    def _erase(self) -> str:
        up = f"\x1b[{self._shown_rows - 1}A" if self._shown_rows > 1 else ""
        begin = f"{up}\r{ERASE_BELOW}" if self._shown_rows else ""
        self._shown_rows = 0
        return begin

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _line(cue: Cue) -> str:
    return f"{cue.text}{f' {DIM}(uncertain){PLAIN}' if cue.uncertain else ''}\n"


def cells(char: str) -> int:
    """How many columns of a terminal the character takes: 0, 1 or 2."""
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def rows(text: str, columns: int) -> int:
    """How many rows of a terminal of that width the text takes; at least one."""
    count, used = 1, 0
    for char in text:
        width = cells(char)
        if used + width > columns:
            count, used = count + 1, 0
        used += width
    return count


def fitting(text: str, columns: int) -> str:
    """As much of the beginning of the text as fits into one row, the last column left free."""
    end = len(text)
    while end and rows(text[:end], max(1, columns - 1)) > 1:
        end -= 1
    return text[:end]
