"""What has been said, as entries in their order: captions, gaps and headings. Knows no widget and no engine.

The entries that a reader sees grow from the events of one session after the other. A caption that is not final yet is
an entry like the others, whose committed text grows and whose tentative text changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from s2t2_live.captions.cue import one_line
from s2t2_live.live.events import UNCERTAIN, Event, Final, Gap, Partial, SessionStarted, Summary
from s2t2_live.live.presets import Stability, shown

Kind: TypeAlias = Literal["caption", "gap", "heading"]


@dataclass(slots=True, eq=False)
class Entry:
    """One line of the transcript."""

    kind: Kind
    session: int
    """Counted from 1; the times are on the clock of that session's source."""
    start: float
    end: float
    committed: str = ""
    tentative: str = ""
    confidence: float | None = None

    @property
    def text(self) -> str:
        """All of it on one line; punctuation stands close to the word before it."""
        return self.committed + self.tail

    @property
    def tail(self) -> str:
        """What stands behind the committed text, with the space between them."""
        space = " " if self.committed and self.tentative and self.tentative[0] not in ".,;:?!" else ""
        return space + self.tentative

    @property
    def uncertain(self) -> bool:
        return self.confidence is not None and self.confidence < UNCERTAIN

    @property
    def doubt(self) -> str:
        """Why a caption is set apart."""
        return (
            f"The model is unsure of this caption: its confidence is {self.confidence or 0:.0%}. Listen again or ask."
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did to an entry. Changes hold in their order: an index is that after the changes before it."""

    kind: Literal["added", "changed", "removed"]
    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Match:
    """Where a text was found."""

    entry: int
    start: int
    """The first character, in the entry's text."""
    length: int


class Transcript:
    """The entries of all sessions since the program was started, and where the reader has cleared them away."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.first = 0
        """Index of the first entry that is shown; those before it have been cleared away."""
        self.stability: Stability = "everything"
        self.session = 0
        """The session that the events are of; 0 before the first."""
        self._cleared: list[int] = []
        self._partials: dict[int, Partial] = {}
        self._open: dict[int, Entry] = {}

    def add(self, event: Event) -> list[Change]:
        """Take the next event."""
        match event:
            case SessionStarted(source=source):
                return [*self._close(), *self._begin(source)]
            case Partial():
                self._partials[event.segment] = event
                return self._show(event.segment, event.start, event.end, *shown(event, self.stability))
            case Final():
                self._partials.pop(event.segment, None)
                changes = self._show(event.segment, event.start, event.end, event.text, "", event.confidence)
                self._open.pop(event.segment, None)
                return changes
            case Gap():
                return [self._insert(Entry("gap", self.session, event.start, event.end, one_line(event.reason)))]
            case Summary():
                return self._close()
        return []

    def set_stability(self, stability: Stability) -> list[Change]:
        """Show the captions in the making as they are to be shown from now on."""
        self.stability = stability
        return [
            change
            for partial in list(self._partials.values())
            for change in self._show(partial.segment, partial.start, partial.end, *shown(partial, stability))
        ]

    @property
    def can_undo_clear(self) -> bool:
        return bool(self._cleared)

    def clear(self) -> None:
        """Show no more of what is finished; the entries stay for `undo_clear`."""
        end = min((self.index(entry) for entry in self._open.values()), default=len(self.entries))
        if end > self.first:
            self._cleared.append(self.first)
            self.first = end

    def undo_clear(self) -> None:
        """Take the last `clear` back."""
        if self._cleared:
            self.first = self._cleared.pop()

    def index(self, entry: Entry) -> int:
        """Where an entry stands; those in the making are at the end."""
        for index in range(len(self.entries) - 1, -1, -1):
            if self.entries[index] is entry:
                return index
        raise ValueError("the entry is not in the transcript")

    def lines(self) -> Iterator[str]:
        """The text of what is shown and finished, an entry a line."""
        unfinished = {id(entry) for entry in self._open.values()}
        return (described(entry) for entry in self.entries[self.first :] if id(entry) not in unfinished)

    def find(self, text: str) -> list[Match]:
        """Every place where the text stands among what is shown, whatever the case."""
        pattern = re.compile(re.escape(text), re.IGNORECASE)
        return [
            Match(index, found.start(), len(found[0]))
            for index in range(self.first, len(self.entries))
            for found in (pattern.finditer(described(self.entries[index])) if text else ())
        ]

    def _begin(self, source: str) -> list[Change]:
        self.session += 1
        if self.first == len(self.entries):
            return []
        return [self._insert(Entry("heading", self.session, 0.0, 0.0, one_line(source)))]

    def _show(
        self, segment: int, start: float, end: float, committed: str, tentative: str, confidence: float | None = None
    ) -> list[Change]:
        """Make the segment's entry look like this; without text there is none."""
        committed, tentative = one_line(committed), one_line(tentative)
        entry = self._open.get(segment)
        if entry is None:
            if not (committed or tentative):
                return []
            entry = self._open[segment] = Entry("caption", self.session, start, end, committed, tentative, confidence)
            return [self._insert(entry)]
        index = self.index(entry)
        if not (committed or tentative):
            del self._open[segment]
            del self.entries[index]
            return [Change("removed", index, entry)]
        entry.end, entry.committed, entry.tentative, entry.confidence = end, committed, tentative, confidence
        return [Change("changed", index, entry)]

    def _insert(self, entry: Entry) -> Change:
        """Put the entry behind all that began no later: a gap is known at once, a caption only after its inference."""
        index = len(self.entries)
        while index > self.first and self._later(self.entries[index - 1], entry):
            index -= 1
        self.entries.insert(index, entry)
        return Change("added", index, entry)

    @staticmethod
    def _later(entry: Entry, than: Entry) -> bool:
        return entry.session == than.session and entry.kind != "heading" and entry.start > than.start

    def _close(self) -> list[Change]:
        """The session is over: what was still in the making stays with its committed words."""
        self._partials.clear()
        changes = []
        for segment, entry in list(self._open.items()):
            if entry.tentative:
                changes += self._show(segment, entry.start, entry.end, entry.committed, "")
        self._open.clear()
        return changes


def described(entry: Entry) -> str:
    """The text of an entry as the reader sees it."""
    if entry.kind != "gap":
        return entry.text
    length = f"{entry.end - entry.start:.0f} s" if entry.end - entry.start >= 1 else "under 1 s"
    return f"Paused for {length}" if entry.committed == "paused" else f"Audio lost, {length}: {entry.committed}"


def right_to_left(text: str) -> bool:
    """Whether the first letter with a direction is Arabic, Hebrew or the like."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction != "L" for direction in directions if direction in ("L", "R", "AL")), False)


def stamp(seconds: float) -> str:
    """A time as short as it can be: ``0:04``, ``12:31``, ``1:02:07``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
