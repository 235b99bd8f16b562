"""The time stamps beside the captions. Knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from ui.theme import LARGE, LIGHT, MEDIUM

WIDEST = "0:00:00"


class TimeGutter(QWidget):
    """Paints a stamp at each of the places that it is given: baseline in pixels, and text."""

    def __init__(self, stamps: Callable[[], Iterable[tuple[float, str]]], parent: QWidget) -> None:
        super().__init__(parent)
        self._stamps = stamps
        self.colours = LIGHT
        self.right_side = False
        self.set_size(18)

    def set_size(self, points: int) -> None:
        """`points` of the captions; stamps are smaller."""
        font = QFont(self.font())
        font.setPointSizeF(max(8.0, 0.62 * points))
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.setFont(font)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(WIDEST)) + LARGE + MEDIUM, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.colours.surface))
        painter.setPen(QColor(self.colours.muted))
        ascent = QFontMetricsF(self.font()).ascent()
        side = Qt.AlignmentFlag.AlignLeft if self.right_side else Qt.AlignmentFlag.AlignRight
        for baseline, text in self._stamps():
            place = QRectF(MEDIUM, baseline - ascent, self.width() - MEDIUM - LARGE / 2, 2 * ascent)
            painter.drawText(place, side | Qt.AlignmentFlag.AlignTop, text)
