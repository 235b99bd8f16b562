"""Ctrl-C, and the end of the terminal or of the desktop session, as requests. Knows no session."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals of a service that is stopped, and of a terminal that is closed."""


class Interrupts:
    """While this holds, an interrupt stops and raises KeyboardInterrupt; another one aborts, and raises nothing.

    More of them change nothing, not even after an abort: whoever leans on Ctrl-C shall not tear the end of the process.
    Of `ENDING` only the first signal counts: a terminal that closes tells of it more than once. A signal that is
    ignored, as under nohup, stays so.
    """

    def __init__(self, *, stop: Callable[[], None], abort: Callable[[], None]) -> None:
        """Both are called from a signal handler."""
        self.count = 0
        self._stop = stop
        self._abort = abort
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, *ENDING):
            if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                self._before[number] = signal.signal(number, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self.count > 1 else handler)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if number in ENDING:
            for ending in self._before.keys() & set(ENDING):
                signal.signal(ending, signal.SIG_IGN)
        self.count += 1
        if self.count > 1:
            self._abort()
            return
        self._stop()
        raise KeyboardInterrupt
