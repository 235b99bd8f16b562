"""Runs one session on the console and into caption files, until its source ends or it is stopped. Knows no flags."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO, TypeAlias

from s2t2_live.audio.chunk import Source
from s2t2_live.captions.console import TerminalConsole, console
from s2t2_live.captions.files import CaptionFile, reason
from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.captions.messages import Messages
from s2t2_live.captions.progress import ProgressBar
from s2t2_live.captions.status import status
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.errors import OutputError, S2T2Error
from s2t2_live.live.events import Event
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.session import EngineSettings, Session, Sink

log = logging.getLogger(__name__)

REFRESH = 0.2
"""Seconds between two looks at the session, for the progress bar or the status line."""
Refresh: TypeAlias = Callable[[bool], None]
"""Brings that up to date; told whether the user has stopped the session."""


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
    """How a session ended."""

    error: Exception | None
    """The first failure of its source, of a sink or of the engine."""
    lost: bool
    """Whether audio that was there has no caption."""
    stopped: bool
    """By the user, or because nobody reads the captions any more."""

    @property
    def code(self) -> int:
        """The exit code of a command that did nothing else."""
        if self.error is not None:
            return self.error.exit_code if isinstance(self.error, S2T2Error) else 1
        return 1 if self.lost else 0


def show(
    source: Source,
    model: TranslationModel,
    settings: EngineSettings,
    display: Display,
    *,
    files: Mapping[str, Path],
    sinks: Sequence[Sink] = (),
) -> Outcome:
    """Show and write the captions of a source until it ends.

    `files` are the caption files by format, `sinks` further ones. Ctrl-C stops and drains; a second one raises
    KeyboardInterrupt when everything pending has been dropped. Raises OutputError for a file that cannot be opened.
    """
    session: Session
    with ExitStack() as stack:
        written = [stack.enter_context(closing(CaptionFile(path, format))) for format, path in files.items()]
        captions = _captions(display)
        shown, bar = _with_bar(captions, source, display)
        output = StandardOutput(shown, lambda: None if files else session.abort())
        stack.enter_context(closing(output))
        stack.callback(setattr, display.handler, "interrupted", nullcontext)
        told = Messages()
        session = Session(source, model, settings=settings, sinks=[output, told, *written, *sinks])
        refresh: Refresh | None = None
        if bar is not None:
            display.handler.interrupted = bar.interrupted
            refresh = partial(_advance, bar, session)
        elif isinstance(captions, TerminalConsole):
            display.handler.interrupted = captions.interrupted
            if not display.quiet:
                refresh = partial(_show_status, captions, session)
        stopped = _run(session, refresh)
    unread = output.gone and not files
    return Outcome(error=session.error, lost=told.lost and not unread, stopped=stopped or unread)


def _captions(display: Display) -> Sink:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 whatever the terminal's encoding is; and a file name need not be text at all.
        if display.json:
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            sys.stdout.reconfigure(errors="replace")
    return JsonLinesWriter(sys.stdout) if display.json else console(sys.stdout)


def _with_bar(captions: Sink, source: Source, display: Display) -> tuple[Sink, ProgressBar | None]:
    """For a source that is read as fast as possible, in front of a user."""
    if source.real_time or display.quiet or not sys.stderr.isatty():
        return captions, None
    lines = captions if display.json else TxtWriter(sys.stdout)
    bar = ProgressBar(lines, sys.stderr, total=source.duration, label=source.name)
    return bar, bar


def _advance(bar: ProgressBar, session: Session, stopping: bool) -> None:
    bar.advance(session.progress)


def _show_status(console: TerminalConsole, session: Session, stopping: bool) -> None:
    if stopping:
        console.show_status(f"translating the last {session.pending:.1f} s ...")
    else:
        console.show_status(status(session.level, session.backlog, lost=session.lost))


def _run(session: Session, refresh: Refresh | None) -> bool:
    """Until the session has ended; whether the user stopped it."""
    try:
        session.start()
        _wait(session, refresh, stopping=False)
        return False
    except KeyboardInterrupt:
        log.info("Translating the last %.1f s of what was heard. Ctrl-C again drops it.", session.pending)
        session.stop()
    try:
        _wait(session, refresh, stopping=True)
    except KeyboardInterrupt:
        session.abort()
        session.wait()
        raise
    return True


def _wait(session: Session, refresh: Refresh | None, *, stopping: bool) -> None:
    while not session.wait(None if refresh is None else REFRESH):
        if refresh is not None:
            refresh(stopping)
