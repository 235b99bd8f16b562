"""Whoever allocates, garbage is freed on the UI thread alone."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from ui.garbage import GarbageCollector


@pytest.fixture
def collector() -> Iterator[GarbageCollector]:
    collector = GarbageCollector()
    yield collector
    collector.release()
    gc.disable()


def cycle() -> QObject:
    thing = QObject()
    thing.me = thing  # type: ignore[attr-defined]
    return thing


def test_another_thread_frees_nothing_however_much_it_allocates(qtbot: QtBot, collector: GarbageCollector) -> None:
    freed: list[str] = []
    weakref.finalize(cycle(), lambda: freed.append(threading.current_thread().name))

    def allocate() -> None:
        kept = [[number] for number in range(200_000)]
        assert kept

    worker = threading.Thread(target=allocate, name="worker")
    worker.start()
    worker.join()
    assert freed == []
    qtbot.waitUntil(lambda: bool(freed), timeout=60_000)
    assert freed == ["MainThread"]


def test_what_is_spared_stays_and_python_collects_again_afterwards(collector: GarbageCollector) -> None:
    assert not gc.isenabled()
    collector.spare()
    assert gc.get_freeze_count() > 0
    collector.release()
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
