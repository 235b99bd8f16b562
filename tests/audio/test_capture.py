"""Live sources behind a sound system that does what real ones do at the worst of times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Queue
from typing import Any

import numpy as np
import pytest
import soxr

from s2t2_live.audio import capture, keeper
from s2t2_live.audio.capture import OVERFLOW, LiveSource
from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice, SourceItem
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.audio.microphone import Microphone
from s2t2_live.audio.portaudio import OnBlock
from s2t2_live.audio.system_audio import SystemAudio
from s2t2_live.errors import DeviceError

DEVICE = InputDevice("fake:usb", "USB microphone", "microphone", channels=1, sample_rate=SAMPLE_RATE, default=True)
BLOCK = 320
TIMEOUT = 60
"""Seconds after which a test hangs; no measure of speed."""


class FakeStream:
    """One opening of the fake device; the test plays PortAudio's thread."""

    def __init__(self, on_block: OnBlock, on_end: Callable[[], None], close: Callable[[], None]) -> None:
        self.give = on_block
        self.end = on_end
        self.closed = threading.Event()
        self._close = close

    def say(self, *samples: float, taken: float = 0.0, overflow: bool = False) -> None:
        """A block of each of these samples."""
        for sample in samples:
            self.give(np.full((BLOCK, 1), sample, dtype=np.float32), taken, overflow)

    def close(self) -> None:
        self._close()
        self.closed.set()


class FakeDriver:
    """A sound system with one device; `find`, `before_open` and `close` may be replaced to raise or to wait."""

    def __init__(self) -> None:
        self.opened: Queue[FakeStream] = Queue()
        self.rates: list[int] = []
        self.find: Callable[[InputDevice], InputDevice] = lambda device: device
        self.before_open: Callable[[], None] = lambda: None
        self.close: Callable[[], None] = lambda: None

    def open(self, device: InputDevice, on_block: OnBlock, on_end: Callable[[], None]) -> FakeStream:
        self.before_open()
        self.rates.append(device.sample_rate)
        stream = FakeStream(on_block, on_end, self.close)
        self.opened.put(stream)
        return stream

    def stream(self) -> FakeStream:
        """The next opening."""
        return self.opened.get(timeout=TIMEOUT)


class Listener:
    """Iterates over a source on a thread of its own."""

    def __init__(self, source: LiveSource) -> None:
        self.items: Queue[SourceItem | Exception | None] = Queue()
        self.source = source
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for item in self.source:
                self.items.put(item)
        except DeviceError as error:
            self.items.put(error)
        self.items.put(None)

    def next(self) -> Any:
        return self.items.get(timeout=TIMEOUT)

    def rest(self) -> list[Any]:
        """What comes after a stop."""
        self.source.stop()
        return list(iter(self.next, None))


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()


@pytest.fixture
def listen(driver: FakeDriver) -> Iterator[Callable[..., Listener]]:
    """Begins to listen; whatever the test does, the threads end."""
    listeners: list[Listener] = []

    def begin(kind: type[LiveSource] = SystemAudio, device: InputDevice = DEVICE) -> Listener:
        listeners.append(Listener(kind(device, driver)))
        return listeners[-1]

    yield begin
    for listener in listeners:
        listener.source.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages are noticed sooner."""
    monkeypatch.setattr(capture, "SILENT_TIMEOUT", 0.2)
    monkeypatch.setattr(capture, "RETRY", 0.01)


def joined(items: list[Any]) -> np.ndarray:
    return np.concatenate([item.samples for item in items])


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("block", [160, 1_024])
def test_any_rate_and_block_becomes_one_stream(
    driver: FakeDriver, listen: Callable[..., Listener], rate: int, block: int
) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (2 * rate, 2)).astype(np.float32)
    listener = listen(device=replace(DEVICE, channels=2, sample_rate=rate))
    stream = driver.stream()
    for at in range(0, len(sound), block):
        piece = sound[at : at + block].copy()
        stream.give(piece, 0.0, False)
        piece[:] = np.nan
    chunks = listener.rest()
    assert [chunk.start for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
    expected = sound.mean(axis=1)
    expected = expected if rate == SAMPLE_RATE else soxr.resample(expected, rate, SAMPLE_RATE)
    np.testing.assert_allclose(joined(chunks), expected, atol=1e-6)
    assert stream.closed.wait(TIMEOUT)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_what_is_not_a_number_does_not_spread(driver: FakeDriver, listen: Callable[..., Listener], rate: int) -> None:
    listener = listen(device=replace(DEVICE, sample_rate=rate))
    stream = driver.stream()
    stream.say(0.1, np.nan, np.inf, *[0.1] * 20)
    heard = joined(listener.rest())
    assert np.isfinite(heard).all()
    np.testing.assert_allclose(heard[-5 * BLOCK * 16_000 // rate : -BLOCK], 0.1, atol=1e-3)


def test_the_clock_is_a_listeners(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen()
    assert listener.source.now() == 0.0
    before = time.monotonic()
    driver.stream().say(0.1)
    chunk = listener.next()
    now = listener.source.now()
    assert chunk.end / SAMPLE_RATE <= now <= chunk.end / SAMPLE_RATE + time.monotonic() - before


@pytest.mark.usefixtures("impatient")
def test_a_silent_device_is_noticed_said_and_opened_again(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen(Microphone)
    first = driver.stream()
    early = time.monotonic()
    first.say(0.1)
    late = time.monotonic()
    assert listener.next().end == BLOCK
    assert listener.next() == AudioGap(BLOCK, BLOCK, "no sound from the microphone")
    notice = listener.next()
    assert notice.lost
    assert notice.message.startswith("USB microphone is lost")
    second = driver.stream()
    assert first.closed.is_set()
    begin = time.monotonic()
    second.say(0.2)
    end = time.monotonic()
    gap = listener.next()
    assert (gap.start, gap.reason) == (BLOCK, "no sound from the microphone")
    length = (gap.end - gap.start + BLOCK) / SAMPLE_RATE
    assert begin - late - 1e-3 <= length <= end - early + 1e-3, "as long as the outage"
    chunk = listener.next()
    assert chunk.start == gap.end
    assert (chunk.samples == np.float32(0.2)).all()
    first.say(0.3)
    assert listener.rest() == [], "what the lost stream gives later is not heard"


@pytest.mark.usefixtures("impatient")
def test_a_device_that_comes_back_otherwise(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    """It is looked for until it is there, and it may have another rate in its new socket."""
    searches: list[InputDevice] = []

    def find(device: InputDevice) -> InputDevice:
        searches.append(device)
        if len(searches) < 3:
            raise DeviceError("USB microphone is not there.")
        return replace(device, sample_rate=48_000)

    driver.find = find
    listener = listen()
    stream = driver.stream()
    stream.say(0.1)
    stream.end()
    again = driver.stream()
    again.give(np.full((960, 1), 0.2, dtype=np.float32), 0.0, False)
    items = [listener.next() for _ in range(4)]
    assert [type(item) for item in items] == [AudioChunk, AudioGap, AudioNotice, AudioGap]
    assert driver.rates == [SAMPLE_RATE, 48_000]
    assert sum(len(chunk.samples) for chunk in listener.rest()) == BLOCK
    assert len(searches) == 3


@pytest.mark.usefixtures("impatient")
def test_a_stop_in_an_outage_tells_its_length(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    driver.find = lambda device: (_ for _ in ()).throw(DeviceError("away"))
    listener = listen()
    stream = driver.stream()
    stream.say(0.1)
    stream.end()
    assert [type(listener.next()) for _ in range(3)] == [AudioChunk, AudioGap, AudioNotice]
    (gap,) = listener.rest()
    assert gap.start == BLOCK
    assert gap.end >= gap.start


@pytest.mark.parametrize("kind", [OSError("device busy"), DeviceError("USB microphone is taken.")])
def test_a_device_that_cannot_be_opened(driver: FakeDriver, listen: Callable[..., Listener], kind: Exception) -> None:
    driver.before_open = lambda: (_ for _ in ()).throw(kind)
    listener = listen()
    error = listener.next()
    assert isinstance(error, DeviceError)
    assert "USB microphone" in str(error)
    assert listener.next() is None


def test_a_sound_system_that_hangs(
    driver: FakeDriver, listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "OPEN_TIMEOUT", 0.05)
    monkeypatch.setattr(keeper, "CLOSE_TIMEOUT", 0.05)
    left: list[bool] = []
    monkeypatch.setattr(keeper, "leave_open", lambda: left.append(True))
    gate = threading.Event()
    driver.before_open = lambda: gate.wait(TIMEOUT) and None
    listener = listen()
    assert "did not open" in str(listener.next())
    assert listener.next() is None
    assert left == [True]
    gate.set()
    assert driver.stream().closed.wait(TIMEOUT), "when it answers at last, it is closed"


def test_a_device_that_does_not_close_is_left(
    driver: FakeDriver, listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "CLOSE_TIMEOUT", 0.05)
    gate = threading.Event()
    driver.close = lambda: gate.wait(TIMEOUT) and None
    listener = listen()
    driver.stream().say(0.1)
    assert len(listener.rest()) == 1
    gate.set()


def test_what_an_overflow_lost_is_a_gap(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen()
    stream = driver.stream()
    stream.say(0.1, taken=5.0, overflow=True)
    assert listener.next().end == BLOCK, "before the first block nothing was"
    stream.say(0.2, taken=5.0 + BLOCK / SAMPLE_RATE)
    assert listener.next().start == BLOCK
    time.sleep(0.1)  # no more can be missing than time has passed
    stream.say(0.3, taken=5.08, overflow=True)
    gap, chunk = listener.next(), listener.next()
    assert gap == AudioGap(2 * BLOCK, 2 * BLOCK + round(0.04 * SAMPLE_RATE), OVERFLOW)
    assert chunk.start == gap.end
    assert listener.source.overflows == 1


def test_an_overflow_of_unknown_length_is_a_block(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen()
    stream = driver.stream()
    stream.say(0.1)
    stream.say(0.2, overflow=True)
    listener.next()
    assert listener.next() == AudioGap(BLOCK, 2 * BLOCK, OVERFLOW)


def test_a_pause_drops_what_comes_and_tells_how_much(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen()
    stream = driver.stream()
    stream.say(0.1)
    listener.source.pause()
    listener.source.pause()
    stream.say(0.2, 0.2, 0.2)
    assert listener.next().end == BLOCK
    assert listener.next() == AudioGap(BLOCK, BLOCK, "paused")
    listener.source.resume()
    listener.source.resume()
    stream.say(0.3, 0.3)
    gap, *chunks = [listener.next() for _ in range(3)]
    assert (gap.start, gap.reason) == (BLOCK, "paused")
    assert chunks[0].start == gap.end
    assert set(joined(chunks)) == {np.float32(0.3)}


@pytest.mark.usefixtures("impatient")
def test_a_pause_that_becomes_an_outage(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen()
    stream = driver.stream()
    stream.say(0.1)
    listener.source.pause()
    stream.end()
    again = driver.stream()
    again.say(0.2)
    listener.source.resume()
    again.say(0.3)
    items = [listener.next() for _ in range(5)]
    assert [type(item) for item in items] == [AudioChunk, AudioGap, AudioNotice, AudioGap, AudioChunk]
    assert items[3].reason == "no sound from the system audio"
    assert (items[4].samples == np.float32(0.3)).all()


def test_exact_zeros_bring_one_hint(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen(Microphone)
    stream = driver.stream()
    seconds = SAMPLE_RATE // BLOCK
    stream.say(*[0.0] * 2 * seconds, 1e-5, *[0.0] * 3 * seconds, 0.1, *[0.0] * 4 * seconds)
    items = listener.rest()
    (notice,) = [item for item in items if isinstance(item, AudioNotice)]
    assert "permission" in notice.message
    assert not notice.lost
    assert items.index(notice) == 5 * seconds + 1, "after three seconds of nothing but zeros"


@pytest.mark.usefixtures("impatient")
def test_zeros_are_counted_at_the_rate_that_the_device_has_come_back_with(
    driver: FakeDriver, listen: Callable[..., Listener]
) -> None:
    driver.find = lambda device: replace(device, sample_rate=48_000)
    listener = listen(Microphone)
    stream = driver.stream()
    stream.say(0.1)
    stream.end()
    assert [type(listener.next()) for _ in range(3)] == [AudioChunk, AudioGap, AudioNotice]
    driver.stream().say(*[0.0] * (2 * 48_000 // BLOCK))
    assert not any(isinstance(item, AudioNotice) for item in listener.rest()), "two seconds are no reason for a hint"


def test_an_output_that_plays_nothing_is_in_order(driver: FakeDriver, listen: Callable[..., Listener]) -> None:
    listener = listen(SystemAudio)
    driver.stream().say(*[0.0] * 5 * (SAMPLE_RATE // BLOCK))
    assert {type(item) for item in listener.rest()} == {AudioChunk}
