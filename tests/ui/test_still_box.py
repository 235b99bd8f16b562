"""The wheel and the keys over the lists whose choice begins something."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog
from pytestqt.qtbot import QtBot

from tests.ui.conftest import MICROPHONE, MONITOR
from ui.model_boxes import DeviceBox, ModelBox
from ui.replay_panel import ReplayPanel
from ui.source_box import SourceBox
from ui.source_choice import Inputs

KEYS = Qt.Key


def source_box() -> SourceBox:
    box = SourceBox()
    box.show_inputs(Inputs((MICROPHONE, MONITOR), MICROPHONE))
    return box


def speed_box() -> QComboBox:
    box = ReplayPanel().speed_box
    box.setParent(None)
    return box


@pytest.fixture(params=[source_box, lambda: ModelBox("demo-en-de"), lambda: DeviceBox("auto"), speed_box])
def box(qtbot: QtBot, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> QComboBox:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    box: QComboBox = request.param()
    qtbot.addWidget(box)
    box.show()
    return box


def test_the_wheel_chooses_nothing(box: QComboBox) -> None:
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


@pytest.mark.parametrize(
    "key",
    [
        KEYS.Key_Up,
        KEYS.Key_Down,
        KEYS.Key_PageUp,
        KEYS.Key_PageDown,
        KEYS.Key_Home,
        KEYS.Key_End,
        "e",
        "N",
        KEYS.Key_F4,
    ],
)
def test_a_key_opens_the_list_and_chooses_nothing(qtbot: QtBot, box: QComboBox, key: Qt.Key | str) -> None:
    before = box.currentIndex()
    with qtbot.assertNotEmitted(box.activated), qtbot.assertNotEmitted(box.currentIndexChanged):
        qtbot.keyClick(box, key)
        assert box.view().isVisible()
        qtbot.keyClick(box.view(), KEYS.Key_Down)
        qtbot.keyClick(box.view(), KEYS.Key_Escape)
    assert not box.view().isVisible()
    assert box.currentIndex() == before


def test_a_choice_is_made_in_the_open_list(qtbot: QtBot, box: QComboBox) -> None:
    before = box.currentIndex()
    qtbot.keyClick(box, KEYS.Key_Down)
    qtbot.keyClick(box.view(), KEYS.Key_Down)
    with qtbot.waitSignal(box.activated):
        qtbot.keyClick(box.view(), KEYS.Key_Return)
    assert box.currentIndex() > before
    assert not box.view().isVisible()


@pytest.mark.parametrize("key", [KEYS.Key_Escape, KEYS.Key_Return, KEYS.Key_Delete])
def test_other_keys_are_left_to_the_window(qtbot: QtBot, box: QComboBox, key: Qt.Key) -> None:
    with qtbot.assertNotEmitted(box.activated):
        qtbot.keyClick(box, key)
    assert not box.view().isVisible()
