"""The part of the transcript that is in a text document: a block is an entry. Knows no widget.

What is committed is never touched again; only what stands behind it is replaced.
"""

from __future__ import annotations

from PySide6.QtGui import QTextBlock, QTextCharFormat, QTextCursor, QTextDocument

from ui.caption_style import Formats
from ui.transcript import Change, Entry, Match, Transcript, described

PAGE = 100
"""Entries that are shown at first, and that come with each scroll beyond the first or the last one."""
MOST = 300
"""Entries in the document at one time."""

Move = QTextCursor.MoveOperation
KEEP = QTextCursor.MoveMode.KeepAnchor


class CaptionPage:
    """Bounded, so that the document stays quick however long the session is."""

    def __init__(self, document: QTextDocument, transcript: Transcript, formats: Formats) -> None:
        self.formats = formats
        """Of what is written from now on; `build` writes all anew."""
        self.first = 0
        """Index in the transcript of the first block."""
        self.shown: list[Entry] = []
        """The entries of the blocks."""
        self._settled: list[int] = []
        """How many characters of each block are committed."""
        self._document = document
        self._transcript = transcript

    @property
    def end(self) -> int:
        """Index in the transcript behind the last block."""
        return self.first + len(self.shown)

    @property
    def at_end(self) -> bool:
        """Whether the last entry of the transcript is here."""
        return self.end == len(self._transcript.entries)

    def build(self, first: int, end: int) -> None:
        """Show these entries of the transcript and no others."""
        self.first = first
        self.shown = self._transcript.entries[first:end]
        self._settled = []
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.removeSelectedText()
        for entry in self.shown:
            if self._settled:
                cursor.insertBlock(self.formats.block(entry), QTextCharFormat())
            else:
                cursor.setBlockFormat(self.formats.block(entry))
            text, known = described(entry), _known(entry)
            cursor.insertText(text[:known], self.formats.text(entry))
            cursor.insertText(text[known:], self.formats.tentative)
            self._settled.append(known)
        cursor.endEditBlock()

    def apply(self, change: Change, *, following: bool) -> None:
        """Do what was done to the transcript; new entries are left out where the page is full and nobody follows."""
        if change.kind == "added":
            self._add(change.index, change.entry, following)
        elif self.first <= change.index < self.end:
            if change.kind == "changed":
                self._write(change.index - self.first)
            else:
                self._remove(change.index - self.first)
        elif change.kind == "removed" and change.index < self.first:
            self.first -= 1

    def entry_of(self, block: QTextBlock) -> Entry | None:
        number = block.blockNumber()
        return self.shown[number] if 0 <= number < len(self.shown) else None

    def has(self, match: Match) -> bool:
        return self.first <= match.entry < self.end

    def selected(self, match: Match) -> QTextCursor:
        """A cursor that has selected it."""
        start = self._document.findBlockByNumber(match.entry - self.first).position() + match.start
        cursor = QTextCursor(self._document)
        cursor.setPosition(start)
        cursor.setPosition(start + match.length, KEEP)
        return cursor

    def _add(self, index: int, entry: Entry, following: bool) -> None:
        if index < self.first:
            self.first += 1
        elif index <= self.end and (len(self.shown) < MOST or following):
            self._insert(index - self.first, entry)
            if following and len(self.shown) > MOST:
                self._drop_first(len(self.shown) - PAGE)

    def _insert(self, place: int, entry: Entry) -> None:
        """A new block in front of the one at `place`."""
        cursor = QTextCursor(self._document)
        cursor.beginEditBlock()
        if not self.shown:
            cursor.setBlockFormat(self.formats.block(entry))
        elif place == len(self.shown):
            cursor.movePosition(Move.End)
            cursor.insertBlock(self.formats.block(entry), QTextCharFormat())
        else:
            cursor.setPosition(self._document.findBlockByNumber(place).position())
            cursor.insertBlock(cursor.blockFormat(), QTextCharFormat())
            cursor.movePosition(Move.PreviousBlock)
            cursor.setBlockFormat(self.formats.block(entry))
        self.shown.insert(place, entry)
        self._settled.insert(place, 0)
        self._write(place)
        cursor.endEditBlock()

    def _write(self, place: int) -> None:
        """Make a block show its entry; the committed words that are there stay untouched."""
        entry, block = self.shown[place], self._document.findBlockByNumber(place)
        text, known = described(entry), _known(entry)
        kept = _common(block.text(), text, min(self._settled[place], known))
        cursor = QTextCursor(block)
        cursor.beginEditBlock()
        cursor.setPosition(block.position() + kept)
        cursor.movePosition(Move.EndOfBlock, KEEP)
        cursor.insertText(text[kept:known], self.formats.text(entry))
        cursor.insertText(text[known:], self.formats.tentative)
        if not kept:
            cursor.setBlockFormat(self.formats.block(entry))
        if entry.uncertain:
            # Doubt comes with the final, and colours all of it.
            cursor.setPosition(block.position())
            cursor.movePosition(Move.EndOfBlock, KEEP)
            cursor.setCharFormat(self.formats.uncertain)
        cursor.endEditBlock()
        self._settled[place] = known

    def _remove(self, place: int) -> None:
        del self.shown[place]
        del self._settled[place]
        cursor = QTextCursor(self._document.findBlockByNumber(place))
        cursor.movePosition(Move.EndOfBlock, KEEP)
        cursor.removeSelectedText()
        if place:
            cursor.deletePreviousChar()
        elif self.shown:
            cursor.deleteChar()

    def _drop_first(self, count: int) -> None:
        cursor = QTextCursor(self._document)
        cursor.movePosition(Move.NextBlock, KEEP, count)
        cursor.removeSelectedText()
        del self.shown[:count]
        del self._settled[:count]
        self.first += count


def _known(entry: Entry) -> int:
    """How many characters of the entry's text will not change."""
    return len(described(entry)) - len(entry.tail)


def _common(one: str, other: str, most: int) -> int:
    """How many characters both begin with, at most so many."""
    count = 0
    while count < min(most, len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count
