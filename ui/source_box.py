"""Lets the user choose what is listened to. Knows no device: it is told which there are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from ui.source_choice import FileChoice, Inputs, SourceChoice, sample
from ui.still_box import StillBox

OPEN = "open"
"""What the last item holds in place of a source."""


class SourceBox(StillBox):
    """A list of the inputs and the recordings, which asks for a fresh one each time that it opens."""

    refresh_wanted = Signal()
    open_wanted = Signal()
    """The user wants to choose a file."""
    chosen = Signal(object)
    """With the `SourceChoice` that the user has taken; not emitted for what `show_inputs` changes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inputs = Inputs()
        self._files: list[FileChoice] = []
        self._choice: SourceChoice | None = None
        self._touched = False
        self.setAccessibleName("Source")
        self.setToolTip("What is listened to: a microphone, the sound of this computer, or a recording")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(24)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.activated.connect(self._taken)
        self._fill()

    @property
    def choice(self) -> SourceChoice | None:
        """None while there is nothing to listen to."""
        return self._choice

    def show_inputs(self, inputs: Inputs) -> None:
        """The inputs that there are now; what the user has chosen stays chosen while it is there."""
        if inputs == self._inputs and self.count():
            return
        self._inputs = inputs
        if not isinstance(self._choice, FileChoice) and not (self._touched and self._choice in inputs.devices):
            self._choice = inputs.preferred
        self._fill()

    def choose_file(self, path: Path) -> FileChoice:
        """Add the recording to the list and choose it."""
        choice = FileChoice(path)
        self._files = [choice, *(other for other in self._files if other.path != path)]
        self._choice, self._touched = choice, True
        self._fill()
        return choice

    def showPopup(self) -> None:
        self.refresh_wanted.emit()
        super().showPopup()

    def _fill(self) -> None:
        open_before = self.view().isVisible()
        self.clear()
        for kind, title in (("microphone", "Microphones"), ("system", "Sound of this computer")):
            self._add_title(title)
            devices = [device for device in self._inputs.devices if device.kind == kind]
            for device in devices:
                self.addItem(f"{device.name} (default)" if device.default else device.name, device)
            if not devices:
                self._add_title("none found", indent=True)
        self._add_title("Recordings")
        shipped = sample()
        for file in (*self._files, *((shipped,) if shipped and shipped not in self._files else ())):
            self.addItem(f"{file.name} (shipped)" if file == shipped else file.name, file)
        self.addItem("Choose a recording…", OPEN)
        self._show_choice()
        if open_before:
            super().showPopup()

    def _show_choice(self) -> None:
        index = next((row for row in range(self.count()) if self.itemData(row) == self._choice), -1)
        self.setCurrentIndex(index if self._choice is not None else -1)
        if self.currentIndex() < 0:
            self.setPlaceholderText(self._inputs.missing or "Looking for microphones…")

    def _add_title(self, text: str, *, indent: bool = False) -> None:
        self.addItem(f"    {text}" if indent else text)
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        item = model.item(self.count() - 1)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        if not indent:
            font = item.font()
            font.setBold(True)
            item.setFont(font)

    def _taken(self, row: int) -> None:
        data = self.itemData(row)
        if data == OPEN:
            self._show_choice()
            self.open_wanted.emit()
        elif data is not None and data != self._choice:
            self._choice, self._touched = data, True
            self.chosen.emit(data)
