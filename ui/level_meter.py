"""How loud the source is: a bar that follows the voice and says when it is clipped or dead. Knows no source."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import LIGHT, MEDIUM, Colours

if TYPE_CHECKING:
    from s2t2_live.audio.level import Level

LOWEST = -60.0
"""dBFS at the left end; 0 is at the right one."""
QUIET = -50.0
"""dBFS, below which a voice is not expected."""
LOUD = -9.0
"""dBFS, from which the colour warns."""
FALL = 30.0
"""Decibels a second that the bar falls; it rises at once."""
FRAME = 40
"""Milliseconds between two pictures while something moves."""
HOLD = 1500
"""Milliseconds that a peak and the warning of clipping stay."""


class LevelState(StrEnum):
    """What the meter shows, as a screen reader says it."""

    OFF = "not listening"
    SILENT = "no sound at all"
    QUIET = "quiet"
    SOUND = "sound"
    CLIPPED = "too loud"


class LevelMeter(QWidget):
    """Given a level about ten times a second; moves in between by itself, and rests when nothing changes."""

    state_changed = Signal(str)
    """A `LevelState`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = LevelState.OFF
        self._colours = LIGHT
        self._target = self._shown = self._peak = LOWEST
        self._since_peak = QElapsedTimer()
        self._since_clipping = QElapsedTimer()
        self._since_frame = QElapsedTimer()
        self._timer = QTimer(self, interval=FRAME)
        self._timer.timeout.connect(self._move)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Input level")
        self._describe()

    @property
    def moving(self) -> bool:
        """Whether it paints without being told anything new."""
        return self._timer.isActive()

    def sizeHint(self) -> QSize:
        return QSize(20 * self.fontMetrics().averageCharWidth(), self.fontMetrics().height() + MEDIUM)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(LevelState.SILENT) + 2 * MEDIUM, self.sizeHint().height())

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self.update()

    def show_level(self, level: Level | None) -> None:
        """None while nothing is listened to."""
        if level is None:
            self._target = self._shown = self._peak = LOWEST
            self._since_clipping.invalidate()
            self._set_state(LevelState.OFF)
            self._rest()
            return
        self._target = min(max(level.rms, LOWEST), 0.0)
        if level.peak >= self._peak:
            self._peak = min(max(level.peak, LOWEST), 0.0)
            self._since_peak.start()
        if level.clipped:
            self._since_clipping.start()
        self._set_state(self._heard(level))
        if not self._timer.isActive():
            self._since_frame.start()
            self._timer.start()
            self._move()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = self._colours, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline = QPainterPath()
        outline.addRoundedRect(frame, 4, 4)
        clipped = self.state is LevelState.CLIPPED
        painter.fillPath(outline, QColor(colours.surface))
        painter.setClipPath(outline)
        if self.state not in (LevelState.OFF, LevelState.SILENT):
            # Above clipping the bar is out of scale; then it is the words that matter.
            painter.fillRect(self._part(LOWEST, self._shown), QColor(colours.critical if clipped else colours.good))
            if not clipped:
                painter.fillRect(self._part(LOUD, self._shown), QColor(colours.warning))
            if self._peak > LOWEST:
                right = self._part(LOWEST, self._peak).right()
                painter.fillRect(QRectF(right - 2, 0, 2, self.height()), QColor(colours.text))
        if self.state is LevelState.SILENT or clipped:
            self._write(painter, "Too loud" if clipped else "No sound")
        painter.setClipping(False)
        painter.setPen(QPen(QColor(colours.critical if clipped else colours.border), 1))
        painter.drawPath(outline)

    def _write(self, painter: QPainter, words: str) -> None:
        """On a plate of its own, so that the bar does not shine through."""
        colours, metrics = self._colours, self.fontMetrics()
        width = metrics.horizontalAdvance(words) + 2 * MEDIUM
        if self.state is LevelState.SILENT:
            painter.setPen(QColor(colours.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        plate = QRectF(self.width() - width - 1, 1, width, self.height() - 2)
        painter.fillRect(plate, QColor(colours.surface))
        painter.setPen(QColor(colours.gap))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _part(self, low: float, high: float) -> QRectF:
        """The place of the levels from `low` to `high`, in dBFS; of no width where they are the wrong way round."""
        left, right = ((value - LOWEST) / -LOWEST * self.width() for value in (low, max(low, high)))
        return QRectF(left, 0, right - left, self.height())

    @Slot()
    def _move(self) -> None:
        fallen = FALL * self._since_frame.restart() / 1000
        self._shown = max(self._target, self._shown - fallen)
        peak_is_old = self._since_peak.isValid() and self._since_peak.hasExpired(HOLD)
        if peak_is_old:
            self._peak = max(self._shown, self._peak - fallen)
        if self.state is LevelState.CLIPPED and self._since_clipping.hasExpired(HOLD):
            self._since_clipping.invalidate()
            self._set_state(LevelState.SOUND)
        self.update()
        clipping = self.state is LevelState.CLIPPED
        if self._shown == self._target and not clipping and (self._peak <= self._shown or self._peak == LOWEST):
            self._rest()

    def _rest(self) -> None:
        self._timer.stop()
        self.update()

    def _heard(self, level: Level) -> LevelState:
        if self._since_clipping.isValid() and not self._since_clipping.hasExpired(HOLD):
            return LevelState.CLIPPED
        if level.silent:
            return LevelState.SILENT
        return LevelState.QUIET if level.rms < QUIET else LevelState.SOUND

    def _set_state(self, state: LevelState) -> None:
        if state is not self.state:
            self.state = state
            self._describe()
            self.state_changed.emit(state.value)

    def _describe(self) -> None:
        self.setAccessibleDescription(self.state.value)
        advice = {
            LevelState.OFF: "Shows how loud the input is once you start.",
            LevelState.SILENT: "The input delivers no sound at all. Is the microphone muted, or its switch off?",
            LevelState.CLIPPED: "The input is too loud and distorted. Lower its volume in the system's settings.",
        }
        self.setToolTip(advice.get(self.state, "How loud the input is."))
