"""Events reach the sinks in order and from one thread; a broken sink leaves, the others stay."""

import threading

from s2t2_live.errors import OutputError
from s2t2_live.live.events import Event, Gap
from s2t2_live.live.publisher import Publisher


class Collector:
    def __init__(self, fail_at: int | None = None) -> None:
        self.events: list[Event] = []
        self.threads: set[int] = set()
        self._fail_at = fail_at

    def handle(self, event: Event) -> None:
        if len(self.events) == self._fail_at:
            raise OutputError("The disk is full.")
        self.events.append(event)
        self.threads.add(threading.get_ident())

    def close(self) -> None:
        raise AssertionError("the publisher closes no sinks")


def published(*sinks: Collector, writers: int = 1, count: int = 100) -> list[tuple[Exception, bool]]:
    failures: list[tuple[Exception, bool]] = []
    finished = threading.Event()
    publisher = Publisher(sinks, failed=lambda *failure: failures.append(failure), finished=finished.set)
    publisher.start()

    def write(writer: int) -> None:
        for number in range(count):
            publisher.publish(Gap(writer, number, "test"))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.close()
    assert finished.wait(30)
    publisher.publish(Gap(-1, -1, "too late"))
    return failures


def test_all_events_in_order_from_one_thread() -> None:
    one, other = Collector(), Collector()
    assert published(one, other, writers=4) == []
    assert one.events == other.events
    assert len(one.threads) == 1
    for writer in range(4):
        assert [event.end for event in one.events if isinstance(event, Gap) and event.start == writer] == list(
            range(100)
        )


def test_a_broken_sink_leaves_and_the_others_stay() -> None:
    broken, whole = Collector(fail_at=3), Collector()
    ((error, last),) = published(broken, whole)
    assert (str(error), last) == ("The disk is full.", False)
    assert len(broken.events) == 3
    assert len(whole.events) == 100


def test_the_last_sink() -> None:
    ((_, last),) = published(Collector(fail_at=0))
    assert last
