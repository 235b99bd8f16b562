"""Single keys from the terminal that the command was started in. Knows no session."""

from __future__ import annotations

import os
import select
import sys
from contextlib import suppress
from typing import Any

try:
    import termios
    import tty
except ImportError:  # on Windows
    TERMINALS = False
else:
    TERMINALS = True


class Keyboard:
    """Gives the keys that are pressed, without Enter and without an echo; Ctrl-C stays a signal.

    The terminal is touched only while this process is in its foreground: the system stops whoever does so in the
    background. Where standard input is no terminal, no key is ever pressed.
    """

    def __init__(self) -> None:
        self._terminal: int | None = None
        self._before: list[Any] | None = None
        """The terminal's modes before they were changed."""
        # Without standard input it is None, and under a test it may have no number.
        with suppress(OSError, ValueError, AttributeError):
            if TERMINALS and os.isatty(number := sys.stdin.fileno()):
                self._terminal = number

    @property
    def there(self) -> bool:
        """Whether keys can be pressed."""
        return self._terminal is not None

    def pressed(self) -> str:
        """What was typed since the last call; does not wait."""
        if self._terminal is None or not self._in_foreground(self._terminal):
            return ""
        modes = termios.tcgetattr(self._terminal)
        if modes[3] & termios.ICANON:
            # At the first call, and after a shell has had the terminal in the meantime.
            self._before = modes
            tty.setcbreak(self._terminal)
        ready, _, _ = select.select([self._terminal], [], [], 0)
        return os.read(self._terminal, 1_024).decode(errors="replace") if ready else ""

    def close(self) -> None:
        """Give the terminal its modes back."""
        if self._terminal is not None and self._before is not None and self._in_foreground(self._terminal):
            with suppress(termios.error):
                termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    @staticmethod
    def _in_foreground(terminal: int) -> bool:
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        except OSError:  # it is gone, or another session's
            return False
