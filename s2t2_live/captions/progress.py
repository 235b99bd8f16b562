"""A progress bar below the captions, for a replay that is faster than the recording. Knows no engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

from s2t2_live.captions.cue import one_line
from s2t2_live.live.events import Event
from s2t2_live.live.session import Sink


class ProgressBar:
    """A sink that passes everything on to `captions` and keeps a bar on `err` below what that writes."""

    def __init__(self, captions: Sink, err: TextIO, *, total: float | None, label: str) -> None:
        """`total` in seconds of audio, None where the recording does not tell."""
        self._captions = captions
        known = "{desc} {percentage:3.0f}% {bar} {n:.0f} of {total:.0f} s, {remaining} left"
        self._bar = tqdm(
            total=total,
            desc=one_line(label),
            file=err,
            leave=False,
            dynamic_ncols=True,
            bar_format=known if total else "{desc} {n:.0f} s",
        )

    def handle(self, event: Event) -> None:
        with self.interrupted():
            self._captions.handle(event)

    def advance(self, seconds: float) -> None:
        """So much audio, counted from its beginning, is done."""
        # An interrupt inside of tqdm's own refresh would leave its lock taken.
        with tqdm.get_lock():
            self._bar.n = min(seconds, self._bar.total or seconds)
            self._bar.refresh(nolock=True)

    def close(self) -> None:
        """Take the bar away, write what still waits."""
        self._bar.close()
        self._captions.close()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Take the bar away while something else writes to the terminal, from any thread."""
        with tqdm.external_write_mode(file=self._bar.fp):
            yield
