"""What a session measures about itself from its own events: lag, flicker, speed. Knows no thread."""

from __future__ import annotations

import re

import numpy as np

from s2t2_live.live.events import Event, Final, Partial, Summary

_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Words and punctuation marks, each by itself: a full stop that comes later takes no word back."""
    return _WORD.findall(text)


def erased(shown: str, instead: str) -> int:
    """How many words of what was shown are gone from the text that came instead: all from the first difference."""
    before, after = words(shown), words(instead)
    kept = 0
    while kept < min(len(before), len(after)) and before[kept] == after[kept]:
        kept += 1
    return len(before) - kept


class Measures:
    """Observes the events of a session in their order."""

    def __init__(self) -> None:
        self._shown: dict[int, str] = {}
        self._lags: list[float] = []
        self._erased = 0
        self._final_words = 0
        self._segments = 0
        self._compute = 0.0

    def observe(self, event: Event) -> None:
        if isinstance(event, Partial):
            text = f"{event.committed} {event.tentative}"
            self._erased += erased(self._shown.get(event.segment, ""), text)
            self._shown[event.segment] = text
            self._compute += event.compute
        elif isinstance(event, Final):
            self._erased += erased(self._shown.pop(event.segment, ""), event.text)
            self._final_words += len(words(event.text))
            self._lags.append(event.lag)
            self._segments += 1
            self._compute += event.compute

    def summary(self, audio: float) -> Summary:
        """The summary of a session that heard so many seconds."""
        median, p95 = np.percentile(self._lags, [50, 95]).tolist() if self._lags else (None, None)
        return Summary(
            audio=audio,
            segments=self._segments,
            real_time_factor=self._compute / audio if audio else 0.0,
            latency={"median": median, "p95": p95},
            normalized_erasure=self._erased / self._final_words if self._final_words else 0.0,
        )
