"""Sources that listen to a real sound server, in this process: what it does to them and what they make of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice, SourceItem
from s2t2_live.audio.devices import find_input
from s2t2_live.audio.microphone import Microphone
from s2t2_live.audio.system_audio import SystemAudio
from s2t2_live.training.recordings import Recording

TIMEOUT = 120
"""Seconds after which a test hangs; no measure of speed."""


class Listener:
    """Iterates over a microphone, or over what the computer plays, on a thread of its own."""

    def __init__(self, name: str | None) -> None:
        self.source = SystemAudio(find_input(None, "system")) if name is None else Microphone(find_input(name))
        self._items: Queue[SourceItem | None] = Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for item in self.source:
            self._items.put(item)
        self._items.put(None)

    def until(self, wanted: Callable[[SourceItem], bool]) -> SourceItem:
        """The first item from now on that is so."""
        while not wanted(item := self._items.get(timeout=TIMEOUT)):
            assert item is not None, "it ended"
        return item

    def stop(self) -> None:
        self.source.stop()
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()


@pytest.fixture
def listen(sound_server: Any) -> Iterator[Callable[[str | None], Listener]]:
    """Begins to listen to a device, and returns when it is heard."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # PortAudio talks to itself
    listeners: list[Listener] = []

    def begin(name: str | None) -> Listener:
        listeners.append(Listener(name))
        listeners[-1].until(lambda item: isinstance(item, AudioChunk))
        return listeners[-1]

    yield begin
    for listener in listeners:
        listener.stop()
    os.dup2(saved, 2)
    os.close(saved)
    os.close(null)


@pytest.fixture
def listener(listen: Callable[[str], Listener]) -> Listener:
    return listen("microphone_16000")


def is_gap(item: SourceItem) -> bool:
    return isinstance(item, AudioGap) and item.end > item.start


def test_a_frozen_server(listener: Listener, sound_server: Any) -> None:
    """It hangs every call, the closing of the stream among them; when it goes on, so does the session."""
    sound_server.freeze()
    notice = listener.until(lambda item: isinstance(item, AudioNotice) and item.lost)
    assert "is lost" in notice.message
    sound_server.thaw()
    gap = listener.until(is_gap)
    assert listener.until(lambda item: isinstance(item, AudioChunk)).start >= gap.end


def test_a_stop_while_the_server_is_frozen(listener: Listener, sound_server: Any) -> None:
    sound_server.freeze()
    listener.until(lambda item: isinstance(item, AudioNotice) and item.lost)
    listener.stop()
    sound_server.thaw()


def test_a_server_that_is_killed_and_comes_back(listener: Listener, sound_server: Any) -> None:
    sound_server.kill()
    listener.until(lambda item: isinstance(item, AudioNotice) and item.lost)
    sound_server.start()
    gap = listener.until(is_gap)
    assert gap.reason == "no sound from the microphone"
    assert listener.until(lambda item: isinstance(item, AudioChunk)).start == gap.end


def test_a_microphone_that_is_unplugged_and_comes_back(listen: Callable[[str], Listener], sound_server: Any) -> None:
    """The server would have us listen to another one in its place."""
    listener = listen("microphone_48000")
    sound_server.unplug(44_100)  # which is none of our business
    listener.until(lambda item: isinstance(item, AudioChunk))
    sound_server.unplug(48_000)
    notice = listener.until(lambda item: not isinstance(item, AudioChunk | AudioGap))
    assert notice.lost
    sound_server.plug(48_000)
    gap = listener.until(is_gap)
    assert gap.reason == "no sound from the microphone"
    assert listener.until(lambda item: isinstance(item, AudioChunk)).start == gap.end
    assert heard_by_us(sound_server) == "microphone_48000"


def test_system_audio_goes_with_the_output_that_is_chosen(
    listen: Callable[[str | None], Listener], sound_server: Any
) -> None:
    """As when a headset is plugged in."""
    listener = listen(None)
    assert heard_by_us(sound_server) == "speaker_16000.monitor"
    sound_server.choose_speaker(48_000)
    listener.until(lambda item: isinstance(item, AudioNotice) and item.lost)
    notice = listener.until(lambda item: isinstance(item, AudioNotice))
    assert notice.message == "Monitor of Speaker_48000 is listened to now."
    gap = listener.until(is_gap)
    assert listener.until(lambda item: isinstance(item, AudioChunk)).start == gap.end
    assert heard_by_us(sound_server) == "speaker_48000.monitor"
    assert listener.source.sample_rate == 48_000


def heard_by_us(sound_server: Any) -> str:
    """The source that the server lets this process listen to."""
    sources = {source["index"]: source["name"] for source in sound_server.list("sources")}
    streams = {
        stream["properties"].get("application.process.id"): stream for stream in sound_server.list("source-outputs")
    }
    return str(sources[streams[str(os.getpid())]["source"]])


def test_each_input_is_heard_by_itself(
    listen: Callable[[str], Listener], sound_server: Any, recordings: dict[Path, Recording]
) -> None:
    silent, loud = listen("microphone_16000"), listen("microphone_48000")
    assert (silent.source.sample_rate, loud.source.sample_rate) == (16_000, 48_000)
    sound_server.play(min(recordings), 48_000)
    loud.until(lambda item: isinstance(item, AudioChunk) and np.abs(item.samples).max() > 0.05)
    now = loud.source.now()
    heard: list[float] = []

    def silence_until_now(item: SourceItem) -> bool:
        if isinstance(item, AudioChunk):
            heard.append(float(np.abs(item.samples).max()))
            return item.end / SAMPLE_RATE > now
        return False

    silent.until(silence_until_now)
    assert max(heard) == 0.0


def test_pause_and_resume(listener: Listener) -> None:
    listener.source.pause()
    listener.until(lambda item: isinstance(item, AudioGap))
    time.sleep(0.5)  # A pause that is over before the next block has no length and is no gap.
    listener.source.resume()
    gap = listener.until(is_gap)
    assert gap.reason == "paused"
    chunks = [listener.until(lambda item: isinstance(item, AudioChunk)) for _ in range(10)]
    assert [chunk.start for chunk in chunks] == [gap.end, *(chunk.end for chunk in chunks[:-1])]
    assert listener.source.now() >= chunks[-1].end / SAMPLE_RATE
    assert np.concatenate([chunk.samples for chunk in chunks]).dtype == np.float32
