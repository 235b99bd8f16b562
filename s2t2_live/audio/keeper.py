"""Keeps one device open, on a thread of its own, because any call of a sound system may hang. Knows no samples."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from s2t2_live.audio.devices import find_again, list_inputs
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.audio.portaudio import OnBlock, Stream, leave_open, open_stream
from s2t2_live.audio.pulse import PREFIX, SourceWatch, pulse_inputs
from s2t2_live.errors import DeviceError

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds that a stream has to close; then it is left open."""


class Driver(Protocol):
    """What a sound system can do."""

    def find(self, device: InputDevice) -> InputDevice:
        """The same device as it is now. Raises DeviceError when it is not there."""
        ...

    def open(self, device: InputDevice, on_block: OnBlock, on_end: Callable[[], None]) -> Stream:
        """Begin to deliver its audio, see `open_stream`. Raises DeviceError."""
        ...


class PortAudioDriver:
    """The computer's own sound system."""

    def find(self, device: InputDevice) -> InputDevice:
        if device.id.startswith(PREFIX):
            # PortAudio need not be asked while the server is away or has no such source.
            return find_again(pulse_inputs() or [], device)
        return find_again(list_inputs(), device)

    def open(self, device: InputDevice, on_block: OnBlock, on_end: Callable[[], None]) -> Stream:
        stream = open_stream(device, on_block, on_end)
        if not device.id.startswith(PREFIX):
            return stream
        return _Watched(stream, SourceWatch(device, on_end))


class _Watched:
    """A stream that ends when its source leaves the server."""

    def __init__(self, stream: Stream, watch: SourceWatch) -> None:
        self._stream = stream
        self._watch = watch

    def close(self) -> None:
        self._watch.close()
        self._stream.close()


class Keeper:
    """Opens the device when told to, closing what was open; says so when it is done or has failed."""

    def __init__(
        self,
        device: InputDevice,
        driver: Driver,
        *,
        on_block: Callable[[int], OnBlock],
        ended: Callable[[int], None],
        opened: Callable[[int, InputDevice], None],
        failed: Callable[[DeviceError], None],
    ) -> None:
        """All of these are called with the number of the opening, counted from 1, from threads of any kind.

        `on_block` makes what PortAudio calls.
        """
        self._device = device
        self._driver = driver
        self._on_block = on_block
        self._ended = ended
        self._opened = opened
        self._failed = failed
        self._count = 0
        self._stream: Stream | None = None
        self._requests: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Open the device, again if it is open; returns at once."""
        self._requests.put(True)

    def close(self) -> None:
        """Close the device and end; after `CLOSE_TIMEOUT` it is left to itself."""
        self._requests.put(False)
        self._thread.join(CLOSE_TIMEOUT)
        if self._thread.is_alive():
            logger.debug("%s did not close within %.0f s", self._device.name, CLOSE_TIMEOUT)
            leave_open()

    def _run(self) -> None:
        while self._requests.get():
            self._close()
            try:
                self._open()
            except DeviceError as error:
                self._failed(error)
            except Exception as error:
                logger.debug("%s could not be opened", self._device.name, exc_info=True)
                self._failed(DeviceError(f"{self._device.name} cannot be opened ({error})."))
        self._close()

    def _open(self) -> None:
        if self._count:
            self._device = self._driver.find(self._device)
        self._count += 1
        number = self._count
        self._stream = self._driver.open(self._device, self._on_block(number), lambda: self._ended(number))
        self._opened(number, self._device)

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):
                stream.close()
