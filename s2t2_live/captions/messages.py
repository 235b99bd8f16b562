"""What a session has to say beside its captions, as log records. Knows no terminal."""

from __future__ import annotations

import logging
from collections import deque

from s2t2_live.errors import sentence
from s2t2_live.live.events import PAUSED, Error, Event, Gap, Load, SessionStarted, Summary

log = logging.getLogger(__name__)


class Messages:
    """A sink that logs errors, changes of the load and, as details, the begin and the end of the session."""

    def __init__(self) -> None:
        self.lost = False
        """Whether audio went without a caption."""
        self._said: deque[str] = deque(maxlen=10)

    def handle(self, event: Event) -> None:
        match event:
            case Error(message, fatal):
                # The failure that ends a session may have been told when it happened; an outage is told each time.
                if fatal:
                    self._tell_once(message)
                else:
                    self._tell(message)
            case Gap(reason=reason):
                self.lost = self.lost or reason != PAUSED
            case Load(level, backlog):
                log.info("Load: %s, %.1f s of audio wait.", level, backlog)
            case SessionStarted():
                log.debug(
                    "%s, %d Hz, by %s on %s in %s, policy %s.",
                    event.source,
                    event.sample_rate,
                    event.model,
                    event.device,
                    event.precision,
                    event.policy,
                )
            case Summary():
                log.debug(
                    "%.1f s of audio, %d segments, real-time factor %.3f.",
                    event.audio,
                    event.segments,
                    event.real_time_factor,
                )

    def tell(self, error: Exception) -> None:
        """Say why the session failed, if no event said it: what fails at the very end has none."""
        self._tell_once(sentence(error))

    def _tell_once(self, message: str) -> None:
        if not any(message in said for said in self._said):
            self._tell(message)

    def _tell(self, message: str) -> None:
        log.error("%s", message)
        self._said.append(message)

    def close(self) -> None:
        """Nothing is held back."""
