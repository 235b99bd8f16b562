"""Ctrl-C in the terminal, or the end of the desktop session, closes the window. Knows no window."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier

CLOSING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Signals(QObject):
    """Calls `close` on the UI thread. Python itself would see a signal only when Qt next calls into it."""

    def __init__(self, close: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._close = close
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._received)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in CLOSING:
            signal.signal(number, _noted)

    def release(self) -> None:
        """Back to Python's own handlers."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in CLOSING[1:]:
            signal.signal(number, signal.SIG_DFL)
        for end in (self._reader, self._writer):
            end.close()

    def _received(self) -> None:
        with suppress(BlockingIOError):
            while self._reader.recv(64):
                pass
        self._close()


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up descriptor has told already."""
