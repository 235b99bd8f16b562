"""Replays a recording below the captions: its picture, play and pause, and the speed. Knows no engine and no sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from s2t2_live.live.events import Event, SessionStarted, SpeechEnded
from ui.still_box import StillBox
from ui.theme import LARGE, MEDIUM, Colours
from ui.transcript import stamp
from ui.waveform import Waveform

if TYPE_CHECKING:
    from s2t2_live.audio.envelope import Envelope

SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


class ReplayPanel(QWidget):
    """Says what the user wants; is told what is."""

    play_wanted = Signal()
    """Play, or pause while it plays."""
    seek_wanted = Signal(float)
    """Seconds."""
    speed_wanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.waveform = Waveform()
        self.play_button = QToolButton()
        self.time = QLabel()
        self.speed_box = StillBox()
        self.play_button.setFixedSize(40, 40)
        self.play_button.clicked.connect(self.play_wanted)
        self.waveform.seek_wanted.connect(self.seek_wanted)
        self.waveform.seek_wanted.connect(self._show_time)
        self.time.setAccessibleName("Position in the recording")
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time.setMinimumWidth(self.time.fontMetrics().horizontalAdvance("0:00:00 / 0:00:00"))
        for speed in SPEEDS:
            self.speed_box.addItem(f"{speed:g} ×", speed)
        self.show_speed(1.0)
        self.speed_box.setAccessibleName("Speed")
        self.speed_box.setToolTip("How fast the recording is played")
        self.speed_box.activated.connect(lambda row: self.speed_wanted.emit(self.speed))
        label = QLabel("Play &at")
        label.setBuddy(self.speed_box)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LARGE, MEDIUM, LARGE, 0)
        layout.setSpacing(MEDIUM)
        layout.addWidget(self.play_button)
        layout.addWidget(self.waveform, 1)
        for widget in (self.time, label, self.speed_box):
            layout.addWidget(widget)
        self.show_playing(False)
        self._show_time()

    @property
    def speed(self) -> float:
        return float(self.speed_box.currentData())

    def show_speed(self, speed: float) -> None:
        if self.speed_box.findData(speed) < 0:
            self.speed_box.addItem(f"{speed:g} ×", speed)
        self.speed_box.setCurrentIndex(self.speed_box.findData(speed))

    def begin(self) -> None:
        """Another recording: its picture is still being made."""
        self.waveform.show_envelope(None)
        self.waveform.show_segments([])
        self.show_position(0.0)

    def show_envelope(self, envelope: Envelope) -> None:
        self.waveform.show_envelope(envelope)
        self._show_time()

    def show_unreadable(self) -> None:
        """There will be no picture."""
        self.waveform.show_envelope(None, "The recording cannot be read")

    def show_events(self, events: list[Event]) -> None:
        """The segments of the latest session."""
        segments = self.waveform.segments
        for event in events:
            if isinstance(event, SessionStarted):
                segments = []
            elif isinstance(event, SpeechEnded):
                segments = [*segments, (event.start, event.end)]
        if segments is not self.waveform.segments:
            self.waveform.show_segments(segments)

    def show_position(self, position: float) -> None:
        self.waveform.show_position(position)
        self._show_time()

    def show_playing(self, playing: bool) -> None:
        self.play_button.setText("❚❚" if playing else "▶")
        name = "Pause the recording" if playing else "Play the recording"
        self.play_button.setAccessibleName(name)
        self.play_button.setToolTip(f"{name} (Ctrl+Space)")

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self.waveform.set_colours(colours)

    @Slot()
    def _show_time(self) -> None:
        self.time.setText(f"{stamp(self.waveform.position)} / {stamp(self.waveform.duration)}")
