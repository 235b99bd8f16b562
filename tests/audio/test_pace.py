"""The clock of somebody who listens to a recording."""

from __future__ import annotations

import threading
import time

from s2t2_live.audio.pace import ListeningClock


def test_it_stands_until_it_is_started() -> None:
    clock = ListeningClock(speed=1.0)
    assert clock.now() == 0.0
    clock.start(5.0)
    assert clock.now() >= 5.0


def test_its_speed() -> None:
    clock = ListeningClock(speed=100.0)
    before = time.monotonic()
    clock.start(0.0)
    assert clock.wait(10.0)
    after = time.monotonic()
    assert after - before >= 0.1 - 1e-3
    assert clock.now() <= (time.monotonic() - before) * 100.0


def test_a_pause_takes_no_time_of_it() -> None:
    clock = ListeningClock(speed=1.0)
    clock.start(1.0)
    clock.pause()
    position = clock.now()
    time.sleep(0.05)
    assert clock.now() == position
    clock.pause()
    clock.resume()
    clock.resume()
    assert position <= clock.now()


def test_a_pause_before_the_start_holds_it() -> None:
    clock = ListeningClock(speed=1.0)
    clock.pause()
    clock.start(3.0)
    time.sleep(0.02)
    assert clock.now() == 3.0
    clock.resume()
    assert clock.wait(3.001)


def test_waiting_ends_with_the_pause() -> None:
    clock = ListeningClock(speed=1_000.0)
    clock.start(0.0)
    clock.pause()
    done: list[bool] = []
    waiter = threading.Thread(target=lambda: done.append(clock.wait(-1.0)))
    waiter.start()
    waiter.join(0.05)
    assert done == [], "paused, even for what is past"
    clock.resume()
    waiter.join(60)
    assert done == [True]


def test_stop_ends_all_waiting() -> None:
    clock = ListeningClock(speed=1.0)
    threading.Timer(0.02, clock.stop).start()
    assert not clock.wait(1.0)
    clock.start(0.0)
    assert not clock.wait(1e9)
