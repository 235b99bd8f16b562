"""What the engine is doing, in words and figures. Knows no engine."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from ui.figures import Figures
from ui.theme import LARGE, LIGHT, MEDIUM, SMALL, Colours

MEBIBYTE = 2**20


class StatusLine(QWidget):
    """The state at the left, a bar beside it while something takes its time, the figures at the right."""

    cancel_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dot = QLabel("●")
        self.state = QLabel()
        self.state.setAccessibleName("State")
        self.bar = QProgressBar(textVisible=False)
        self.bar.hide()
        self.bar.setFixedSize(160, 8)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = QPushButton("Ca&ncel", flat=True)
        self.cancel_button.hide()
        self.cancel_button.setToolTip("Stop the download; the next one goes on from where it was")
        self.cancel_button.clicked.connect(self.cancel_wanted)
        self.figures = QLabel()
        self.figures.setAccessibleName("Figures")
        self.figures.setToolTip(
            "Lag: from the end of a sentence to its caption.\n"
            "Backlog: sound that waits for the model.\n"
            "Load: seconds of computing for a second of sound; above 1× this computer cannot keep up."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LARGE, SMALL, LARGE, MEDIUM)
        layout.setSpacing(MEDIUM)
        for widget in (self.dot, self.state, self.bar, self.cancel_button):
            layout.addWidget(widget)
        layout.addStretch()
        layout.addWidget(self.figures)
        self._colours = LIGHT
        self._tone = "muted"

    def show_state(self, words: str, tone: str) -> None:
        """`tone` names one of the `Colours`; the words say the same."""
        self.state.setText(words)
        self._tone = tone
        self._paint_dot()

    def show_progress(self, done: float | None, total: float = 0) -> None:
        """A bar; one that only moves where `total` is 0; none where `done` is None."""
        self.bar.setVisible(done is not None)
        if done is not None:
            self.bar.setRange(0, 1000 if total else 0)
            self.bar.setValue(round(1000 * min(1, done / total)) if total else 0)

    def show_download(self, done: int, total: int) -> None:
        self.show_state(f"Downloading the model, {done / MEBIBYTE:.0f} of {total / MEBIBYTE:.0f} MB", "accent")
        self.show_progress(done, total)
        self.cancel_button.show()

    def show_figures(self, figures: Figures | None) -> None:
        """None where nothing is being listened to and there was nothing before."""
        if figures is None:
            self.figures.clear()
            return
        lag = "–" if figures.lag is None else f"{figures.lag:.1f} s"
        factor = figures.real_time_factor
        load = "–" if factor is None else f"{factor:.2f}×"
        self.figures.setText(f"Lag {lag}   Backlog {figures.backlog:.1f} s   Load {load}")

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        palette = self.figures.palette()
        palette.setColor(self.figures.foregroundRole(), colours.muted)
        self.figures.setPalette(palette)
        self._paint_dot()

    def _paint_dot(self) -> None:
        self.dot.setTextFormat(Qt.TextFormat.PlainText)
        palette = self.dot.palette()
        palette.setColor(self.dot.foregroundRole(), getattr(self._colours, self._tone))
        self.dot.setPalette(palette)
