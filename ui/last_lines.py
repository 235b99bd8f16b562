"""Paints the last lines of a transcript, for a strip that has room for no more. Knows no window."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QTextCharFormat, QTextLayout, QTextOption

from ui.theme import Colours
from ui.transcript import Entry, Transcript, described, right_to_left

SPACING = 1.25
"""Distance of the lines, in heights of the font."""
OUTLINE = 0.12
"""Width of the dark edge around the letters, in heights of the font."""


def paint_last_lines(painter: QPainter, area: QRectF, transcript: Transcript, font: QFont, colours: Colours) -> None:
    """The last whole lines of the session, at the bottom of the area; the letters with an edge, for any background."""
    bottom, step = area.bottom(), line_height(font)
    edge = QPen(QColor(colours.surface), OUTLINE * step)
    for entry in reversed(transcript.entries[transcript.first :]):
        room = int((bottom - area.top() + 0.5) / step)
        if room == 0 or entry.session != transcript.session or entry.kind == "heading":
            return
        # The same letters twice: the outline alone, then the letters on it.
        for pen in (edge, None):
            layout = _laid_out(entry, area.width(), font, colours, pen)
            top = bottom - layout.lineCount() * step
            for number in range(max(0, layout.lineCount() - room), layout.lineCount()):
                layout.lineAt(number).draw(painter, QPointF(area.left(), top + number * step))
        bottom = top


def line_height(font: QFont) -> float:
    """From one line to the next, in pixels."""
    return QFontMetricsF(font).height() * SPACING


def _laid_out(entry: Entry, width: float, font: QFont, colours: Colours, outline: QPen | None) -> QTextLayout:
    """The entry broken into lines, all of them at the top."""
    layout = QTextLayout(described(entry), font)
    if right_to_left(entry.text):
        option = QTextOption(Qt.AlignmentFlag.AlignRight)
        option.setTextDirection(Qt.LayoutDirection.RightToLeft)
    else:
        option = QTextOption(Qt.AlignmentFlag.AlignLeft)
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.setFormats(_formats(entry, colours, outline))
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
    layout.endLayout()
    return layout


def _formats(entry: Entry, colours: Colours, outline: QPen | None) -> list[QTextLayout.FormatRange]:
    """The colours of the committed and of the tentative words, and of captions that the model is unsure of."""
    length = len(described(entry))
    known = len(entry.committed) if entry.kind == "caption" else length
    formats = []
    told = colours.uncertain if entry.uncertain else colours.text
    for start, end, colour in (
        (0, known, told if entry.kind == "caption" else colours.gap),
        (known, length, colours.tentative),
    ):
        style = QTextCharFormat()
        style.setForeground(QColor(colour))
        if entry.uncertain and outline is None:
            style.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
        if outline is not None:
            style.setTextOutline(outline)
        words = QTextLayout.FormatRange()
        words.start, words.length, words.format = start, end - start, style
        formats.append(words)
    return formats
