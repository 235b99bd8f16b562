"""From the publisher's thread to the UI thread: nothing lost, in order, and not too often."""

from __future__ import annotations

import threading

from PySide6.QtCore import QElapsedTimer, QThread
from pytestqt.qtbot import QtBot

from s2t2_live.live.events import Event, Final, Gap, Partial
from ui.bridge import INTERVAL, Bridge


def partial(segment: int, committed: str) -> Partial:
    return Partial(segment, 0.0, 1.0, committed, "", 0.1)


def final(segment: int) -> Final:
    return Final(segment, 0.0, 1.0, f"Satz {segment}.", 0.1, 0.2)


def test_batches_come_on_the_ui_thread_in_order_and_apart(qtbot: QtBot, qapp: object) -> None:
    bridge = Bridge()
    batches: list[list[Event]] = []
    times: list[int] = []
    threads = set()
    clock = QElapsedTimer()
    clock.start()

    def take(batch: list[Event]) -> None:
        batches.append(batch)
        times.append(clock.elapsed())
        threads.add(QThread.currentThread())

    bridge.events.connect(take)
    finals = [final(number) for number in range(400)]
    paced = threading.Event()

    def publish() -> None:
        for event in finals:
            bridge.handle(event)
            paced.wait(0.001)

    publisher = threading.Thread(target=publish)
    publisher.start()
    qtbot.waitUntil(lambda: sum(map(len, batches)) == len(finals), timeout=60_000)
    publisher.join()
    assert [event for batch in batches for event in batch] == finals
    assert threads == {bridge.thread()}
    assert len(batches) > 1
    # From the beginning, for one that is taken late seems nearer to the next; 2 ms for the rounding of the clocks.
    assert all(time >= number * (INTERVAL - 2) for number, time in enumerate(times))


def test_of_waiting_partials_only_the_latest_is_delivered(qtbot: QtBot) -> None:
    bridge = Bridge()
    gap = Gap(1.0, 2.0, "lost")
    for event in (partial(1, "a"), partial(2, "x"), partial(1, "a b"), gap, final(1), partial(2, "x y")):
        bridge.handle(event)
    with qtbot.waitSignal(bridge.events) as delivered:
        pass
    assert delivered.args == [[gap, final(1), partial(2, "x y")]]


def test_what_comes_after_the_close_is_dropped(qtbot: QtBot) -> None:
    bridge = Bridge()
    bridge.handle(final(1))
    bridge.close()
    bridge.handle(final(2))
    with qtbot.waitSignal(bridge.events) as delivered:
        bridge.flush()
    assert delivered.args == [[final(1)]]
    with qtbot.assertNotEmitted(bridge.events):
        bridge.flush()
