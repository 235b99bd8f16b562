"""Attends to one session on a thread of its own: opens the source, passes on what the user wants, reads the meters.

Every call into the engine happens here, none on the UI thread. Knows no widget.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from s2t2_live.errors import S2T2Error

if TYPE_CHECKING:
    from s2t2_live.audio.chunk import Source
    from s2t2_live.audio.level import Level
    from s2t2_live.live.hypothesis import TranslationModel
    from s2t2_live.live.publisher import Sink
    from s2t2_live.live.session import EngineSettings, Session

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two looks at the meters."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the meters of a session show at one moment."""

    progress: float
    """Where on the source's clock everything is translated up to, seconds."""
    backlog: float
    """Seconds of audio that wait for the model."""
    level: Level
    """How loud the source is."""
    lost: bool
    """Whether the device is gone and is being waited for."""


class Attendant(QObject):
    """Runs one session from its source to its end. Signals come from its thread."""

    started = Signal(object)
    """With the source."""
    measured = Signal(object)
    """A `Measurement`."""
    ended = Signal(object)
    """With the session's error, or None; the transcript is saved."""

    def __init__(
        self,
        open_source: Callable[[], Source],
        model: TranslationModel,
        settings: Callable[[], EngineSettings],
        sinks: Callable[[], Sequence[Sink]],
        parent: QObject | None = None,
    ) -> None:
        """The callables are called on the attendant's thread."""
        super().__init__(parent)
        self._open_source = open_source
        self._model = model
        self._settings = settings
        self._sinks = sinks
        self._wishes: SimpleQueue[Callable[[Session], None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="attendant", daemon=True)
        self._lock = threading.Lock()
        self._left = False

    def start(self) -> None:
        self._thread.start()

    def ask(self, wish: Callable[[Session], None]) -> None:
        """Have `wish` called with the session, soon; not at all when the session has ended by then."""
        self._wishes.put(wish)

    def leave(self) -> None:
        """Emit nothing more, whatever the thread still does."""
        with self._lock:
            self._left = True

    def _run(self) -> None:
        error: Exception | None = None
        try:
            error = self._attend()
        except Exception as unexpected:
            if not isinstance(unexpected, S2T2Error | OSError):
                log.error("the session failed", exc_info=unexpected)
            error = unexpected
        self._emit(self.ended, error)

    def _attend(self) -> Exception | None:
        from s2t2_live.audio.vad import make_detector
        from s2t2_live.live.session import Session

        with ExitStack() as stack:
            settings = self._settings()
            make_detector(settings.vad)  # one that is missing is told before a file is replaced
            source = self._open_source()
            sinks = [stack.enter_context(closing(sink)) for sink in self._sinks()]
            session = Session(source, self._model, settings=settings, sinks=sinks)
            session.start()
            self._emit(self.started, source)
            while not session.wait(0):
                try:
                    self._wishes.get(timeout=INTERVAL)(session)
                except Empty:
                    self._emit(
                        self.measured, Measurement(session.progress, session.backlog, session.level, session.lost)
                    )
            return session.error

    def _emit(self, signal: object, value: object) -> None:
        with self._lock:
            if not self._left:
                signal.emit(value)  # type: ignore[attr-defined]
