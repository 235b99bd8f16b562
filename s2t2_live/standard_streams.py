"""Standard output and standard error of the command: captions on one, messages on the other. Knows no session."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TextIO

from s2t2_live.captions.files import reason
from s2t2_live.errors import OutputError
from s2t2_live.live.events import Event
from s2t2_live.live.publisher import Sink


class MessageHandler(logging.StreamHandler[TextIO]):
    """Log records on standard error, while what shows captions on the same terminal steps aside."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("s2t2-live: %(message)s"))
        self.interrupted: Callable[[], AbstractContextManager[None]] = nullcontext

    def emit(self, record: logging.LogRecord) -> None:
        # Nobody reads the messages of a terminal that was closed.
        with suppress(OSError), self.interrupted():
            super().emit(record)


@contextmanager
def messages(level: int) -> Iterator[MessageHandler]:
    """Send the program's log from `level` on, and with details Python's warnings too, to standard error."""
    handler = MessageHandler()
    loggers = [logging.getLogger("s2t2_live"), logging.getLogger("py.warnings")]
    before = [logger.level for logger in loggers]
    logging.captureWarnings(True)
    for logger, logger_level in zip(loggers, (level, level if level <= logging.DEBUG else logging.ERROR), strict=True):
        logger.addHandler(handler)
        logger.setLevel(logger_level)
    try:
        yield handler
    finally:
        logging.captureWarnings(False)
        for logger, logger_level in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(logger_level)


@contextmanager
def own_standard_error() -> Iterator[None]:
    """Keep standard error to Python: what libraries in C write there is dropped."""
    try:
        number = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        yield
        return
    before, kept = sys.stderr, os.dup(number)
    before.flush()
    dropped = os.open(os.devnull, os.O_WRONLY)
    try:
        with open(kept, "w", buffering=1, encoding=before.encoding, errors=before.errors, closefd=False) as sys.stderr:
            os.dup2(dropped, number)
            yield
    finally:
        sys.stderr = before
        os.dup2(kept, number)
        os.close(kept)
        os.close(dropped)


def prepare_output(*, json: bool) -> None:
    """Let standard output take every character, whatever the terminal's encoding is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 everywhere; and a file name need not be text at all.
        if json:
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            sys.stdout.reconfigure(errors="replace")


class StandardOutput:
    """A sink that writes to standard output through another one, until the reader at the other end leaves."""

    def __init__(self, sink: Sink, leave: Callable[[], None]) -> None:
        """`leave` is called once, when nothing can be written any more."""
        self._sink = sink
        self._leave = leave
        self._terminal = sys.stdout.isatty()
        self.gone = False

    def handle(self, event: Event) -> None:
        self._guarded(lambda: self._sink.handle(event))

    def close(self) -> None:
        self._guarded(self._sink.close)

    def _guarded(self, write: Callable[[], None]) -> None:
        if self.gone:
            return
        try:
            write()
        except OSError as error:
            self.gone = True
            # What is still in the buffer would fail again when Python exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._leave()
            closed = isinstance(error, BrokenPipeError) or (self._terminal and error.errno == errno.EIO)
            if not closed:
                raise OutputError(f"Cannot write to standard output: {reason(error)}.") from error
