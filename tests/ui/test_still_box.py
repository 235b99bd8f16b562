"""The wheel over the lists whose choice begins something."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from ui.model_boxes import DeviceBox, ModelBox
from ui.source_box import SourceBox


@pytest.mark.parametrize("make", [SourceBox, lambda: ModelBox("demo-en-de"), lambda: DeviceBox("auto")])
def test_the_wheel_chooses_nothing(qtbot: QtBot, make: type[QComboBox]) -> None:
    box = make()
    qtbot.addWidget(box)
    box.show()
    before = box.currentIndex()
    for notches in (-120, 120):
        middle = QPointF(box.rect().center())
        event = QWheelEvent(
            middle, box.mapToGlobal(middle), QPoint(), QPoint(0, notches), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, event)
        assert box.currentIndex() == before
        assert not event.isAccepted()
