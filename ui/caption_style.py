"""How captions look: font, size, distances. Knows no widget."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QFontDatabase, QTextBlockFormat, QTextCharFormat

from s2t2_live.settings import WindowSettings
from ui.theme import Colours
from ui.transcript import Entry, right_to_left

SMALLEST, LARGEST = 9, 72
"""Points."""
PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value


@dataclass(frozen=True, slots=True)
class CaptionStyle:
    """What the reader chooses."""

    family: str = ""
    """Empty is the font of the desktop."""
    size: int = 18
    """Points."""
    line_spacing: float = 1.15
    """Of the font's own line height."""

    @classmethod
    def of(cls, settings: WindowSettings) -> CaptionStyle:
        return cls(settings.font or "", settings.font_size, settings.line_spacing)

    @property
    def font(self) -> QFont:
        font = QFont(self.family) if self.family else QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        font.setPointSize(min(max(self.size, SMALLEST), LARGEST))
        return font


class Formats:
    """The style and the colours as formats of text."""

    def __init__(self, style: CaptionStyle, colours: Colours) -> None:
        self._style = style
        self._colours = colours
        self.committed = _coloured(colours.text)
        self.tentative = _coloured(colours.tentative)
        self.uncertain = _coloured(colours.uncertain)
        self.uncertain.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
        self.gap = _coloured(colours.gap)
        self.heading = _coloured(colours.muted)
        for format in (self.gap, self.heading):
            format.setFontPointSize(max(SMALLEST, round(0.75 * style.size)))

    def text(self, entry: Entry) -> QTextCharFormat:
        """Of the committed text of an entry, or of a gap or heading."""
        if entry.kind == "gap":
            return self.heading if entry.committed == "paused" else self.gap
        if entry.kind == "heading":
            return self.heading
        return self.uncertain if entry.uncertain else self.committed

    def block(self, entry: Entry) -> QTextBlockFormat:
        from PySide6.QtCore import Qt

        block = QTextBlockFormat()
        block.setLineHeight(100 * self._style.line_spacing, PROPORTIONAL)
        block.setBottomMargin(0.55 * self._style.size)
        rtl = entry.kind == "caption" and right_to_left(entry.text)
        block.setLayoutDirection(Qt.LayoutDirection.RightToLeft if rtl else Qt.LayoutDirection.LeftToRight)
        if entry.kind == "heading":
            block.setTopMargin(0.8 * self._style.size)
        return block


def _coloured(colour: str) -> QTextCharFormat:
    format = QTextCharFormat()
    format.setForeground(QColor(colour))
    return format
