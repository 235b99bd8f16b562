"""Ctrl-C in the terminal, or the end of the desktop session, closes the window. Knows no window."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier

from s2t2_live.interrupts import ENDING


class Signals(QObject):
    """Calls `close` on the UI thread. Python itself would see a signal only when Qt next calls into it.

    A signal that is ignored, as under nohup, stays so.
    """

    def __init__(self, close: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._close = close
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._received)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, _noted)
            for number in (signal.SIGINT, *ENDING)
            if signal.getsignal(number) is not signal.SIG_IGN
        }

    def release(self) -> None:
        """Back to the handlers that were there before."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in (self._reader, self._writer):
            end.close()

    def _received(self) -> None:
        with suppress(BlockingIOError):
            while self._reader.recv(64):
                pass
        self._close()


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up descriptor has told already."""
