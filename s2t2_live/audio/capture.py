"""A live source: a device that is listened to until `stop`, through outages and pauses. Knows no engine."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice, SourceItem, mono
from s2t2_live.audio.input_device import InputDevice
from s2t2_live.audio.keeper import Driver, Keeper, PortAudioDriver
from s2t2_live.audio.portaudio import OnBlock
from s2t2_live.audio.resample import Resampler
from s2t2_live.errors import DeviceError
from s2t2_live.live.events import OUTAGE, PAUSED

logger = logging.getLogger(__name__)

OPEN_TIMEOUT = 10.0
"""Seconds that a device has to open, and then to deliver its first block."""
SILENT_TIMEOUT = 2.0
"""Seconds without a block after which the device is lost."""
RETRY = 1.0
"""Seconds between two attempts to open a lost device again."""
OVERFLOW = "the computer was too busy to listen"
"""The reason of a gap inside the stream."""


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    opening: int
    samples: NDArray[np.float32]
    """Shape (n, channels)."""
    taken: float
    """Seconds on PortAudio's clock, of the first sample; 0 where it has none."""
    overflow: bool
    """Whether samples were lost before these."""
    arrived: float
    """Seconds of `time.monotonic`."""


@dataclass(frozen=True, slots=True)
class _Opened:
    opening: int
    device: InputDevice


@dataclass(frozen=True, slots=True)
class _Failed:
    error: DeviceError


@dataclass(frozen=True, slots=True)
class _Ended:
    opening: int


@dataclass(frozen=True, slots=True)
class _Asked:
    what: str
    """pause, resume or stop."""


_Message: TypeAlias = _Block | _Opened | _Failed | _Ended | _Asked


class LiveSource:
    """A `Source` that listens to a device.

    Everything comes through one queue, in its order: PortAudio's blocks, what became of the device, and what the user
    asks for. The clock counts samples while the device delivers; a gap is as long as the time that passed, so that the
    clock is a listener's again after it.
    """

    noun: ClassVar[str] = "audio device"
    """What to call it in the reason of a gap."""
    duration: float | None = None
    real_time = True

    def __init__(self, device: InputDevice, driver: Driver | None = None) -> None:
        self.name = device.name
        self.sample_rate = device.sample_rate
        self.overflows = 0
        """How often samples were lost because this process was late."""
        self._device = device
        self._driver = driver or PortAudioDriver()
        self._messages: SimpleQueue[_Message] = SimpleQueue()
        self._resampler = Resampler(device.sample_rate)
        self._clock: tuple[int, float] | None = None
        """Samples yielded or told as a gap, and the moment of `time.monotonic` up to which they are."""
        self._gap: str | None = None
        """The reason of the gap that is open."""
        self._paused = False
        self._opening = 0
        """The one that is listened to; 0 while there is none."""
        self._last: _Block | None = None

    def __iter__(self) -> Iterator[SourceItem]:
        """Listen until `stop`. Raises DeviceError when the device cannot be opened at the beginning."""
        keeper = Keeper(
            self._device,
            self._driver,
            on_block=self._on_block,
            ended=lambda opening: self._messages.put(_Ended(opening)),
            opened=lambda opening, device: self._messages.put(_Opened(opening, device)),
            failed=lambda error: self._messages.put(_Failed(error)),
        )
        try:
            yield from self._listen(keeper)
        finally:
            keeper.close()

    def now(self) -> float:
        """Seconds on the source's clock, which goes on through gaps."""
        if self._clock is None:
            return 0.0
        position, moment = self._clock
        return position / SAMPLE_RATE + time.monotonic() - moment

    def stop(self) -> None:
        self._messages.put(_Asked("stop"))

    def pause(self) -> None:
        self._messages.put(_Asked("pause"))

    def resume(self) -> None:
        self._messages.put(_Asked("resume"))

    def check(self, samples: NDArray[np.float32]) -> AudioNotice | None:
        """What there is to say about a block, shape (n, channels), that was just heard."""
        return None

    def _on_block(self, opening: int) -> OnBlock:
        """What PortAudio calls: it only copies."""

        def copy(block: NDArray[Any], taken: float, overflow: bool) -> None:
            self._messages.put(_Block(opening, block.copy(), taken, overflow, time.monotonic()))

        return copy

    def _listen(self, keeper: Keeper) -> Iterator[SourceItem]:
        keeper.open()
        due: float | None = time.monotonic() + OPEN_TIMEOUT
        """When something must have come; None while the keeper is at work, however long that takes."""
        lost = False
        while True:
            match self._next(due):
                case _Block(opening) as block if opening == self._opening:
                    lost = False
                    due = block.arrived + SILENT_TIMEOUT
                    yield from self._hear(block)
                case _Opened(opening, device):
                    self._opening = opening
                    if device.name != self.name:
                        self.name = device.name
                        yield AudioNotice(f"{self.name} is listened to now.")
                    self.sample_rate = device.sample_rate
                    self._resampler = Resampler(device.sample_rate)
                    self._last = None
                    due = time.monotonic() + OPEN_TIMEOUT
                case _Failed(error):
                    if not lost:
                        raise error
                    due = time.monotonic() + RETRY
                case _Asked("pause") if not self._paused:
                    self._paused = True
                    yield from self._begin_gap(PAUSED)
                case _Asked("resume"):
                    self._paused = False
                case _Asked("stop"):
                    yield from self._end()
                    return
                case None | _Ended() as silence:
                    if isinstance(silence, _Ended) and silence.opening != self._opening:
                        continue
                    if not self._opening and not lost:
                        raise DeviceError(
                            f"{self.name} did not open within {OPEN_TIMEOUT:.0f} s; the sound system may have to be "
                            "restarted."
                        )
                    if not lost:
                        yield from self._begin_gap(f"no sound from the {self.noun}")
                        yield AudioNotice(f"{self.name} {OUTAGE}", lost=True)
                    lost, due = True, None
                    self._opening = 0
                    keeper.open()

    def _next(self, due: float | None) -> _Message | None:
        """The next message; None when it is overdue."""
        try:
            return self._messages.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
        except Empty:
            return None

    def _hear(self, block: _Block) -> Iterator[SourceItem]:
        length = len(block.samples) / self.sample_rate
        if self._clock is None:
            self._clock = (0, block.arrived - length)
            logger.info("Listening to %s.", self.name)
        if self._paused:
            self._last = block
            return
        if self._gap is not None:
            yield self._end_gap(self._gap, block.arrived - length)
            self._gap = None
        elif block.overflow and self._last is not None:
            self.overflows += 1
            yield from self._flush()
            yield self._end_gap(OVERFLOW, self._clock[1] + self._missing(self._last, block))
        self._last = block
        yield from self._chunk(self._resampler.push(mono(block.samples)), block.arrived)
        if (notice := self.check(block.samples)) is not None:
            yield notice

    def _missing(self, before: _Block, block: _Block) -> float:
        """Seconds of audio between two blocks, by PortAudio's clock; no more than the time that passed."""
        length = len(before.samples) / self.sample_rate
        missing = block.taken - before.taken - length if block.taken and before.taken else 0.0
        return min(max(missing, length), max(length, block.arrived - before.arrived))

    def _chunk(self, samples: NDArray[np.float32], moment: float) -> Iterator[AudioChunk]:
        position = 0 if self._clock is None else self._clock[0]
        self._clock = (position + len(samples), moment)
        if len(samples):
            yield AudioChunk(samples, position)

    def _flush(self) -> Iterator[AudioChunk]:
        """The rest of what was heard without a hole."""
        if self._clock is not None:
            rest, self._resampler = self._resampler.flush(), Resampler(self.sample_rate)
            yield from self._chunk(rest, self._clock[1])

    def _begin_gap(self, reason: str) -> Iterator[SourceItem]:
        """A pause that turns into an outage is one gap, told as the outage."""
        if self._gap is None and self._clock is not None:
            yield from self._flush()
            yield AudioGap(self._clock[0], self._clock[0], reason)
        if self._gap in (None, PAUSED):
            self._gap = reason

    def _end_gap(self, reason: str, moment: float) -> AudioGap:
        """The gap from what was told last until this moment."""
        assert self._clock is not None
        start, since = self._clock
        end = start + max(0, round((moment - since) * SAMPLE_RATE))
        self._clock = (end, moment)
        return AudioGap(start, end, reason)

    def _end(self) -> Iterator[SourceItem]:
        if self._clock is None:
            return
        if self._gap is not None:
            yield self._end_gap(self._gap, time.monotonic())
        else:
            yield from self._flush()
