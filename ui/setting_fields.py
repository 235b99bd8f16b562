"""Controls that each edit one value, and are alike to a dialog. They know no setting and no dialog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QSignalBlocker, Signal, SignalInstance, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from s2t2_live.settings import SettingType
from ui.theme import LARGE, MEDIUM


class Field(Protocol):
    """What a dialog needs of a control."""

    @property
    def changed(self) -> SignalInstance: ...

    def get(self) -> Any:
        """The value as it stands in the settings."""
        ...

    def put(self, value: Any) -> None: ...


class Choice(QComboBox):
    """One of several values, each with its words."""

    changed = Signal()

    def __init__(self, words: Iterable[tuple[Any, str]]) -> None:
        super().__init__()
        self._values: list[Any] = []
        for value, text in words:
            self._values.append(value)
            self.addItem(text)
        self.currentIndexChanged.connect(self.changed)

    def name(self, value: Any, text: str) -> None:
        """Offer a further value, unless it is there."""
        if value not in self._values:
            self._values.append(value)
            self.addItem(text)

    def get(self) -> Any:
        return self._values[self.currentIndex()]

    def put(self, value: Any) -> None:
        """A value without words gets those that it has as text."""
        self.name(value, str(value))
        self.setCurrentIndex(self._values.index(value))


class Number(QDoubleSpinBox):
    """A number with decimals."""

    changed = Signal()

    def __init__(self, kind: SettingType, *, most: float, step: float, decimals: int, unit: str = "") -> None:
        """`most` is for a setting without a limit of its own."""
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(kind.least or 0.0, most if kind.most is None else kind.most)
        self.setSingleStep(step)
        self.setSuffix(unit)
        self._exact = self.value()
        self.valueChanged.connect(self._take)

    def get(self) -> float:
        """As it was put, where the user has not touched it: a file may have more decimals than are shown."""
        return self._exact

    def put(self, value: float) -> None:
        # What is shown is rounded; the signal would have that taken for the user's.
        with QSignalBlocker(self):
            self.setMaximum(max(self.maximum(), value))
            self.setValue(value)
        self._take(value)

    @Slot(float)
    def _take(self, value: float) -> None:
        if value != self._exact:
            self._exact = value
            self.changed.emit()


class WholeNumber(QSpinBox):
    """A whole number; with `none` one more step below the least, which reads so and means None."""

    changed = Signal()

    def __init__(self, kind: SettingType, *, most: int, unit: str = "", none: str = "") -> None:
        super().__init__()
        least = int(kind.least or 0)
        self._none = least - 1 if none else None
        self.setRange(
            least if self._none is None else self._none, most if kind.most is None else min(most, int(kind.most))
        )
        self.setSpecialValueText(none)
        self.setSuffix(unit)
        self.valueChanged.connect(self.changed)

    def get(self) -> int | None:
        return None if self.value() == self._none else self.value()

    def put(self, value: int | None) -> None:
        self.setMaximum(max(self.maximum(), value or 0))
        self.setValue(self.minimum() if value is None else value)


class Switch(QCheckBox):
    """Yes or no."""

    changed = Signal()

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.toggled.connect(self.changed)

    def get(self) -> bool:
        return self.isChecked()

    def put(self, value: bool) -> None:
        self.setChecked(value)


class Several(QWidget):
    """Any of several values."""

    changed = Signal()

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(LARGE)
        self.boxes = {value: QCheckBox(text) for value, text in words.items()}
        for box in self.boxes.values():
            box.toggled.connect(self.changed)
            layout.addWidget(box)
        layout.addStretch()
        self.setFocusProxy(next(iter(self.boxes.values())))

    def get(self) -> tuple[str, ...]:
        return tuple(value for value, box in self.boxes.items() if box.isChecked())

    def put(self, value: Iterable[str]) -> None:
        wanted = set(value)
        for name, box in self.boxes.items():
            box.setChecked(name in wanted)


class Folder(QWidget):
    """A folder, typed or chosen; empty is None."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.edit = QLineEdit()
        self.edit.setClearButtonEnabled(True)
        self.edit.setPlaceholderText("None")
        self._browse = BrowseButton(self.edit)
        _in_a_row(self, self.edit, self._browse)
        self.edit.textChanged.connect(self.changed)
        self._browse.taken.connect(self.edit.setText)

    def get(self) -> Path | None:
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def put(self, value: Path | None) -> None:
        self.edit.setText("" if value is None else str(value))


class ModelName(QWidget):
    """One of the known models, a hub id or a folder, typed or chosen."""

    changed = Signal()

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self._words = dict(words)
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.addItems(list(words.values()))
        self._browse = BrowseButton(self.box)
        _in_a_row(self, self.box, self._browse)
        self.box.currentTextChanged.connect(self.changed)
        self._browse.taken.connect(self.put)

    def get(self) -> str:
        text = self.box.currentText().strip()
        return next((name for name, words in self._words.items() if words == text), text)

    @Slot(str)
    def put(self, value: str) -> None:
        self.box.setCurrentText(self._words.get(value, value))


class BrowseButton(QPushButton):
    """Asks for a folder on behalf of another control."""

    taken = Signal(str)

    def __init__(self, owner: QWidget) -> None:
        super().__init__("&Browse…")
        self._owner = owner
        self.setAutoDefault(False)
        self.clicked.connect(self._ask)

    @Slot()
    def _ask(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self._owner.accessibleName()):
            self.taken.emit(path)


def _in_a_row(field: QWidget, control: QWidget, button: QWidget) -> None:
    layout = QHBoxLayout(field)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(MEDIUM)
    layout.addWidget(control, 1)
    layout.addWidget(button)
    field.setFocusProxy(control)
