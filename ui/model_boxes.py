"""Let the user choose the model and the processor that it runs on. Know neither model nor device."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QWidget

from s2t2_live.settings import Device
from ui.still_box import StillBox

MODELS = {
    "demo-en-de": "English → German, small (shipped)",
    "facebook/s2t-wav2vec2-large-en-de": "English → German, large",
    "facebook/s2t-wav2vec2-large-en-tr": "English → Turkish, large",
    "facebook/s2t-wav2vec2-large-en-ca": "English → Catalan, large",
    "facebook/s2t-wav2vec2-large-en-ar": "English → Arabic, large",
}
"""The shipped checkpoint, and those on the Hugging Face hub, downloaded when they are first chosen."""
FOLDER = "Choose a folder…"
DEVICES = {"auto": "Automatic", "cpu": "CPU", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}


class ModelBox(StillBox):
    """The known models, the one of the settings, and any folder."""

    chosen = Signal(str)
    """The name or folder of the model that the user has taken."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Model")
        self.setToolTip("The model that translates; one that is not on this computer is downloaded first")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(22)
        for model, words in MODELS.items():
            self.addItem(words, model)
        self.addItem(FOLDER)
        self._name = name
        self.show_model(name)
        self.activated.connect(self._taken)

    def show_model(self, name: str) -> None:
        """Show this model as the chosen one."""
        self._name = name
        if self.findData(name) < 0:
            self.insertItem(self.count() - 1, Path(name).name if Path(name).is_dir() else name, name)
        self.setCurrentIndex(self.findData(name))

    def _taken(self, row: int) -> None:
        name = self.itemData(row) or QFileDialog.getExistingDirectory(self, "Choose the folder of a model")
        if name and name != self._name:
            self.show_model(name)
            self.chosen.emit(name)
        else:
            self.show_model(self._name)


class DeviceBox(StillBox):
    """Where the model runs."""

    chosen = Signal(str)
    """A `Device`."""

    def __init__(self, device: Device, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Processor")
        self.setToolTip("Where the model runs; Automatic takes a GPU where there is one")
        for name in get_args(Device):
            self.addItem(DEVICES[name], name)
        self.show_device(device)
        self.activated.connect(lambda row: self.chosen.emit(self.itemData(row)))

    def show_device(self, device: Device) -> None:
        self.setCurrentIndex(self.findData(device))
