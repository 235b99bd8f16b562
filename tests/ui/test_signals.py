"""What closes the window from outside."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from s2t2_live.interrupts import ENDING
from tests.ui.conftest import TIMEOUT
from ui.signals import Signals

pytestmark = pytest.mark.usefixtures("handlers_of_a_terminal")


@pytest.fixture
def parent() -> Iterator[QObject]:
    parent = QObject()
    yield parent
    parent.deleteLater()


def test_each_signal_closes_until_all_is_as_before(qtbot: QtBot, parent: QObject) -> None:
    closed: list[None] = []
    signals = Signals(lambda: closed.append(None), parent)
    for count, number in enumerate((signal.SIGINT, *ENDING), start=1):
        signal.raise_signal(number)
        qtbot.waitUntil(lambda count=count: len(closed) == count, timeout=TIMEOUT)
    signals.release()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert {signal.getsignal(number) for number in ENDING} == {signal.SIG_DFL}


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_what_is_ignored_stays_so(qtbot: QtBot, parent: QObject, number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    closed: list[None] = []
    signals = Signals(lambda: closed.append(None), parent)
    signal.raise_signal(number)
    qtbot.wait(50)
    assert closed == []
    signals.release()
    assert signal.getsignal(number) is signal.SIG_IGN
