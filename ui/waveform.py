"""The picture of a recording, with what was recognised as speech and where it is being played. Knows no sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import LIGHT, Colours
from ui.transcript import stamp

if TYPE_CHECKING:
    from s2t2_live.audio.envelope import Envelope

HEIGHT = 64
STEPS = {Qt.Key.Key_Left: -5.0, Qt.Key.Key_Right: 5.0, Qt.Key.Key_PageUp: -30.0, Qt.Key.Key_PageDown: 30.0}
"""Seconds that a key goes."""


class Waveform(QWidget):
    """Sought in by mouse and by keyboard."""

    seek_wanted = Signal(float)
    """Seconds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.position = 0.0
        """Seconds, where it is being played."""
        self.duration = 0.0
        """Seconds; 0 where nothing is known yet."""
        self.segments: list[tuple[float, float]] = []
        """What was recognised as speech: begin and end, seconds."""
        self._envelope: Envelope | None = None
        self._words = ""
        self._colours = LIGHT
        self._pictures: tuple[QPixmap, QPixmap] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Waveform of the recording")
        self.setToolTip("Click, or use the arrow keys, to go to another place")

    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT)

    def show_envelope(self, envelope: Envelope | None, words: str = "Reading the recording…") -> None:
        """None while it is being read, or where it cannot be; then `words` say so in its place."""
        self._envelope = envelope
        self._words = words
        self.duration = 0.0 if envelope is None else envelope.duration
        self._changed()

    def show_segments(self, segments: list[tuple[float, float]]) -> None:
        self.segments = segments
        self._changed()

    def show_position(self, position: float) -> None:
        position = min(position, self.duration) if self.duration else position
        if position != self.position:
            before, self.position = self._x(self.position), position
            if self._x(position) != before:
                self.update()

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self._changed()

    def _changed(self) -> None:
        self._pictures = None
        self.update()

    def _x(self, seconds: float) -> int:
        return round(seconds / self.duration * self.width()) if self.duration else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._pictures = None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), self._colours
        if self._envelope is None:
            painter.fillRect(self.rect(), QColor(colours.surface))
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words)
            return
        if self._pictures is None:
            self._pictures = self._picture(colours.muted), self._picture(colours.accent)
        ahead, played = self._pictures
        head = self._x(self.position)
        ratio = self.devicePixelRatioF()
        painter.drawPixmap(0, 0, ahead)
        painter.drawPixmap(QRectF(0, 0, head, self.height()), played, QRectF(0, 0, head * ratio, played.height()))
        painter.fillRect(QRectF(min(head, self.width() - 2), 0, 2, self.height()), QColor(colours.text))
        painter.setPen(QColor(colours.accent if self.hasFocus() else colours.border))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _picture(self, colour: str) -> QPixmap:
        """All but the play head, the wave in this colour."""
        assert self._envelope is not None
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(self._colours.surface))
        painter = QPainter(picture)
        speech = QColor(self._colours.accent)
        speech.setAlphaF(0.16)
        for begin, end in self.segments:
            painter.fillRect(QRectF(self._x(begin), 0, max(1, self._x(end) - self._x(begin)), self.height()), speech)
        peaks, middle = self._envelope.peaks, self.height() / 2
        loudest = max(0.05, float(peaks.max(initial=0.0)))
        for x in range(0, self.width(), 2):
            first, last = (int(place / max(1, self.width()) * len(peaks)) for place in (x, x + 2))
            peak = float(peaks[first : max(last, first + 1)].max(initial=0.0))
            height = max(1.0, peak / loudest * (middle - 4))
            painter.fillRect(QRectF(x, middle - height, 1, 2 * height), QColor(colour))
        painter.end()
        return picture

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.width():
            self._seek(event.position().x() / self.width() * self.duration)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in STEPS:
            self._seek(self.position + STEPS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._seek(0.0 if key == Qt.Key.Key_Home else self.duration)
        else:
            super().keyPressEvent(event)

    def _seek(self, seconds: float) -> None:
        if self.duration:
            seconds = min(max(seconds, 0.0), self.duration)
            self.show_position(seconds)
            self.setAccessibleDescription(f"{stamp(seconds)} of {stamp(self.duration)}")
            self.seek_wanted.emit(seconds)
