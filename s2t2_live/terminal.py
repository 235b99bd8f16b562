"""Replays one recording on the console and in caption files, until it ends or the user stops it. Knows no flags."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from s2t2_live.audio.recording import Recording
from s2t2_live.captions.console import TerminalConsole, console
from s2t2_live.captions.files import CaptionFile, reason
from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.captions.messages import Messages
from s2t2_live.captions.progress import ProgressBar
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.errors import OutputError
from s2t2_live.live.events import Event
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.session import EngineSettings, Session, Sink

log = logging.getLogger(__name__)

REFRESH = 0.2
"""Seconds between two looks of the progress bar at the session."""


class MessageHandler(logging.StreamHandler[TextIO]):
    """Log records on standard error, while what shows captions on the same terminal steps aside."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter("s2t2-live: %(message)s"))
        self.interrupted: Callable[[], AbstractContextManager[None]] = nullcontext

    def emit(self, record: logging.LogRecord) -> None:
        with self.interrupted():
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


class StandardOutput:
    """A sink that writes to standard output through another one, until the reader at the other end leaves."""

    def __init__(self, sink: Sink, leave: Callable[[], None]) -> None:
        """`leave` is called once, when nothing can be written any more."""
        self._sink = sink
        self._leave = leave
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
            if not isinstance(error, BrokenPipeError):
                raise OutputError(f"Cannot write to standard output: {reason(error)}.") from error


@dataclass(frozen=True, slots=True)
class Display:
    """How the captions are shown."""

    handler: MessageHandler
    json: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a replay ended."""

    failed: bool
    stopped: bool
    """By the user, or because nobody reads the captions any more."""


def replay(
    recording: Recording,
    model: TranslationModel,
    settings: EngineSettings,
    display: Display,
    *,
    files: Mapping[str, Path],
    sinks: Sequence[Sink] = (),
) -> Outcome:
    """Replay the recording to its end.

    `files` are the caption files by format, `sinks` further ones. Ctrl-C stops and drains; a second one raises
    KeyboardInterrupt when everything pending has been dropped. Raises OutputError for a file that cannot be opened.
    """
    session: Session
    with ExitStack() as stack:
        written = [stack.enter_context(closing(CaptionFile(path, format))) for format, path in files.items()]
        shown, bar = _shown(recording, display)
        output = StandardOutput(shown, lambda: None if files else session.abort())
        stack.enter_context(closing(output))
        stack.callback(setattr, display.handler, "interrupted", nullcontext)
        told = Messages()
        session = Session(recording, model, settings=settings, sinks=[output, told, *written, *sinks])
        stopped = _run(session, bar)
    unread = output.gone and not files
    return Outcome(failed=session.error is not None or (told.lost and not unread), stopped=stopped or unread)


def _shown(recording: Recording, display: Display) -> tuple[Sink, ProgressBar | None]:
    captions: Sink
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 whatever the terminal's encoding is; and a file name need not be text at all.
        if display.json:
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            sys.stdout.reconfigure(errors="replace")
    with_bar = not (recording.real_time or display.quiet) and sys.stderr.isatty()
    if display.json:
        captions = JsonLinesWriter(sys.stdout)
    elif with_bar:
        captions = TxtWriter(sys.stdout)
    else:
        captions = console(sys.stdout)
    if with_bar:
        bar = ProgressBar(captions, sys.stderr, total=recording.duration, label=recording.name)
        display.handler.interrupted = bar.interrupted
        return bar, bar
    if isinstance(captions, TerminalConsole):
        display.handler.interrupted = captions.interrupted
    return captions, None


def _run(session: Session, bar: ProgressBar | None) -> bool:
    """Until the session has ended; whether the user stopped it."""
    try:
        session.start()
        if bar is not None:
            while not session.wait(REFRESH):
                bar.advance(session.progress)
        session.wait()
        return False
    except KeyboardInterrupt:
        log.info("Stopping; what was heard is translated first. Ctrl-C again drops it.")
        session.stop()
    try:
        session.wait()
    except KeyboardInterrupt:
        session.abort()
        session.wait()
        raise
    return True
