"""What stands in place of the captions before there are any. Knows no engine."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.source_choice import Inputs, sample
from ui.theme import LARGE, MEDIUM, Colours

PROMISE = "Captions appear here while the person is still speaking. Nothing leaves this computer."


class Welcome(QWidget):
    """Says how to begin, and what to do without a microphone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, autoFillBackground=True)
        self.title = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        font = self.title.font()
        font.setPointSizeF(1.9 * font.pointSizeF())
        self.title.setFont(font)
        self.hint = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.sample_button = QPushButton("Play the shipped recording")
        self.open_button = QPushButton("Choose a recording…")
        buttons = QHBoxLayout()
        buttons.setSpacing(MEDIUM)
        buttons.addStretch()
        buttons.addWidget(self.sample_button)
        buttons.addWidget(self.open_button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * LARGE, LARGE, 3 * LARGE, LARGE)
        layout.setSpacing(LARGE)
        layout.addStretch(2)
        layout.addWidget(self.title)
        layout.addWidget(self.hint)
        layout.addLayout(buttons)
        layout.addStretch(3)
        self.sample_button.setVisible(sample() is not None)
        self.show_inputs(Inputs())

    @Slot(object)
    def show_inputs(self, inputs: Inputs) -> None:
        """The title and the hint for what there is to listen to."""
        if inputs.missing:
            self.title.setText(inputs.missing)
            self.hint.setText(f"{inputs.way_out}\nUntil then, a recording shows how it works.")
        else:
            self.title.setText("Press Start and speak")
            self.hint.setText(PROMISE)

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        palette = self.palette()
        palette.setColor(self.backgroundRole(), colours.surface)
        self.setPalette(palette)
        palette = self.hint.palette()
        palette.setColor(self.hint.foregroundRole(), colours.muted)
        self.hint.setPalette(palette)
