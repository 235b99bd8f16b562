"""The progress bar of a replay, interrupted at the worst moment."""

from __future__ import annotations

import io
import threading

import pytest

from s2t2_live.captions.progress import ProgressBar
from s2t2_live.live.events import Event, Gap


class Captions:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None: ...


class Interrupting(io.StringIO):
    """A terminal during whose writing Ctrl-C is pressed."""

    pressed = False

    def write(self, text: str) -> int:
        if self.pressed:
            self.pressed = False
            raise KeyboardInterrupt
        return super().write(text)


def test_an_interrupt_does_not_stop_the_captions() -> None:
    terminal, captions = Interrupting(), Captions()
    bar = ProgressBar(captions, terminal, total=60.0, label="talk.wav")
    bar.advance(1.0)
    terminal.pressed = True
    with pytest.raises(KeyboardInterrupt):
        bar.advance(30.0)
    publisher = threading.Thread(target=bar.handle, args=(Gap(0.0, 1.0, "overflow"),), daemon=True)
    publisher.start()
    publisher.join(10)
    assert len(captions.events) == 1
    bar.close()
