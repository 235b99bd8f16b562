"""Runs one session on the console and into caption files, until its source ends or it is stopped. Knows no flags."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from s2t2_live.audio.chunk import Source
from s2t2_live.audio.vad import make_detector
from s2t2_live.captions.console import TerminalConsole, console
from s2t2_live.captions.files import CaptionFile
from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.captions.messages import Messages
from s2t2_live.captions.progress import ProgressBar
from s2t2_live.captions.status import status
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.errors import S2T2Error
from s2t2_live.interrupts import Interrupts
from s2t2_live.keyboard import Keyboard
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.session import EngineSettings, Session, Sink
from s2t2_live.standard_streams import MessageHandler, StandardOutput, prepare_output

log = logging.getLogger(__name__)

REFRESH = 0.2
"""Seconds between two looks at the session, for the progress bar or the status line."""
PAUSE_KEYS = " p"
Refresh: TypeAlias = Callable[[bool], None]
"""Brings that up to date; told whether the user has stopped the session."""


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
    files: Callable[[], Sequence[CaptionFile]] = tuple,
    sinks: Sequence[Sink] = (),
) -> Outcome:
    """Show and write the captions of a source until it ends.

    `files` opens the caption files, `sinks` are further ones. One of `PAUSE_KEYS` on the terminal that shows the
    status pauses the session, or lets it go on. Ctrl-C stops and drains; a second one raises
    KeyboardInterrupt when everything pending has been dropped. The end of the terminal or of the desktop session is a
    first Ctrl-C. Raises OutputError for a file that cannot be opened, UsageError for a voice detector that is missing.
    """
    session: Session
    make_detector(settings.vad)  # one that is missing is told before a file is replaced
    with ExitStack() as stack:
        written = [stack.enter_context(closing(file)) for file in files()]
        captions = _captions(display)
        shown, bar = _with_bar(captions, source, display)
        output = StandardOutput(shown, lambda: None if written else session.abort())
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
                keyboard = stack.enter_context(closing(Keyboard()))
                refresh = partial(_show_status, captions, keyboard, session)
        stopped = _run(session, refresh)
        if session.error is not None:
            told.tell(session.error)
    unread = output.gone and not written
    return Outcome(error=session.error, lost=told.lost and not unread, stopped=stopped or unread)


def _captions(display: Display) -> Sink:
    prepare_output(json=display.json)
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


def _show_status(console: TerminalConsole, keyboard: Keyboard, session: Session, stopping: bool) -> None:
    if stopping:
        console.show_status(f"translating the last {session.pending:.1f} s ...")
        return
    if sum(map(keyboard.pressed().count, PAUSE_KEYS)) % 2:
        if session.paused:
            session.resume()
        else:
            session.pause()
    key = "space" if keyboard.there else ""
    console.show_status(status(session.level, session.backlog, lost=session.lost, paused=session.paused, key=key))


def _run(session: Session, refresh: Refresh | None) -> bool:
    """Until the session has ended; whether the user stopped it."""
    # An interrupt before there is anything to wait for ends the command as if there were no session.
    session.start()
    with Interrupts(stop=session.stop, abort=session.abort) as interrupts:
        try:
            _wait(session, refresh, stopping=False)
        except KeyboardInterrupt:
            log.info("Stopping; what was heard is translated first, %.1f s. Ctrl-C again drops it.", session.pending)
            _wait(session, refresh, stopping=True)
    if interrupts.count > 1:
        raise KeyboardInterrupt
    return interrupts.count > 0


def _wait(session: Session, refresh: Refresh | None, *, stopping: bool) -> None:
    while not session.wait(None if refresh is None else REFRESH):
        if refresh is not None:
            # A terminal that was closed takes no status line; what was heard is still written to the files.
            with suppress(OSError):
                refresh(stopping)
