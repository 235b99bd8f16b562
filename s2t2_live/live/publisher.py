"""Delivers events to sinks, from one thread and in order, so that a slow sink holds up nobody. Knows no engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Protocol

from s2t2_live.live.events import Event

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Where events go. All calls of `handle` come from one thread, in the order of the events."""

    def handle(self, event: Event) -> None:
        """Take one event; an exception removes the sink from the session, which goes on with the others."""
        ...

    def close(self) -> None:
        """Called by the owner of the sink, never by the session."""
        ...


class Publisher:
    """A queue, and a thread that empties it into the sinks."""

    def __init__(
        self, sinks: Sequence[Sink], *, failed: Callable[[Exception, bool], None], finished: Callable[[], None]
    ) -> None:
        """`failed` is told of each sink that is removed and whether none is left, `finished` of the thread's end."""
        self._sinks = list(sinks)
        self._failed = failed
        self._finished = finished
        self._queue: SimpleQueue[Event | None] = SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def publish(self, event: Event) -> None:
        """Queue an event, from any thread; ignored after `close`."""
        if not self._closed.is_set():
            self._queue.put(event)

    def close(self) -> None:
        """Deliver what is queued, then end the thread."""
        self._closed.set()
        self._queue.put(None)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            self._deliver(event)
        self._finished()

    def _deliver(self, event: Event) -> None:
        for sink in list(self._sinks):
            try:
                sink.handle(event)
            except Exception as error:
                self._sinks.remove(sink)
                logger.debug("sink %r failed", sink, exc_info=True)
                self._failed(error, not self._sinks)
