"""Plays a recording to a listener, from any place and at any speed. Knows no window and no engine."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.portaudio import Stream, open_output
from s2t2_live.audio.recording import Recording
from s2t2_live.audio.stretch import Stretch
from s2t2_live.errors import AudioError, DeviceError

logger = logging.getLogger(__name__)

AHEAD = 10
"""Blocks of a tenth of a second that are decoded ahead of the listener."""
ANSWER_TIMEOUT = 5.0
"""Seconds in which a loudspeaker that is there asks for audio, again and again."""
SILENCE = 0.5
"""Seconds behind the end: closing a device cuts off what it has not played yet."""
Opener = Callable[[int, Callable[[NDArray[np.float32]], None]], Stream]


class Player:
    """At most one recording at a time. All calls return at once: files and devices are a thread's business."""

    def __init__(self, *, failed: Callable[[str], None], open_stream: Opener = open_output) -> None:
        """`failed` is called, from a thread, with one sentence for the user."""
        self._failed = failed
        self._open = open_stream
        self._playback: _Playback | None = None

    @property
    def position(self) -> float | None:
        """Seconds of the recording that have been played; None where none is playing."""
        return None if self._playback is None or self._playback.ended else self._playback.position

    @property
    def paused(self) -> bool:
        return self._playback is not None and self._playback.paused

    def play(self, path: Path, start: float = 0.0, speed: float = 1.0) -> None:
        """Play from this second on, in place of what is playing."""
        self.stop()
        self._playback = _Playback(path, start, speed, self._open, self._failed)
        self._playback.start()

    def pause(self) -> None:
        if self._playback is not None:
            self._playback.paused = True

    def resume(self) -> None:
        if self._playback is not None:
            self._playback.paused = False

    def stop(self) -> None:
        if self._playback is not None:
            self._playback.stop()
            self._playback = None


class _Playback:
    """One recording from one place: a thread that decodes, and the callback that takes what is decoded."""

    def __init__(
        self, path: Path, start: float, speed: float, open_stream: Opener, failed: Callable[[str], None]
    ) -> None:
        self.position = start
        self.paused = False
        self.ended = False
        self._path = path
        self._start = start
        self._recording: Recording | None = None
        self._speed = speed
        self._open = open_stream
        self._failed = failed
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._offset = 0
        self._taken = threading.Event()
        self._asked = False
        self._stopped = False
        self._damage: AudioError | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="player", daemon=True).start()

    def stop(self) -> None:
        self._stopped = True
        if self._recording is not None:
            self._recording.stop()
        self._taken.set()

    def _run(self) -> None:
        stream: Stream | None = None
        try:
            self._recording = Recording(self._path, pace="max", start=self._start)
            if self._stopped:
                return
            chunks = iter(self._recording)
            stretch = Stretch(self._speed)
            while (chunk := self._read(chunks)) is not None:
                self._blocks.append(stretch.push(chunk.samples))
                if stream is None and len(self._blocks) == AHEAD:
                    stream = self._open(SAMPLE_RATE, self._fill)
                if not self._wait(AHEAD - 1):
                    return
            self._blocks.append(np.zeros(round(SILENCE * SAMPLE_RATE), dtype=np.float32))
            stream = stream or self._open(SAMPLE_RATE, self._fill)
            if self._wait(0) and self._damage is not None:
                self._failed(str(self._damage))
        except AudioError as error:
            if not self._stopped:
                self._failed(str(error))
        finally:
            self.ended = True
            if stream is not None:
                with suppress(Exception):
                    stream.close()

    def _read(self, chunks: Iterator[AudioChunk]) -> AudioChunk | None:
        """The next piece; None at the end, and where a damaged recording cannot be read any further."""
        try:
            return next(chunks, None)
        except AudioError as error:
            self._damage = error
            return None

    def _wait(self, most: int) -> bool:
        """Until no more blocks than these are left; False once it is stopped. Raises DeviceError."""
        while not self._stopped and len(self._blocks) > most:
            if not self._taken.wait(ANSWER_TIMEOUT):
                if not self._asked:
                    raise DeviceError("The loudspeaker takes no more sound; check that it is connected.")
                self._asked = False
            self._taken.clear()
        return not self._stopped

    def _fill(self, out: NDArray[np.float32]) -> None:
        """PortAudio's callback: copy what there is, then silence."""
        self._asked = True
        filled = 0
        while filled < len(out) and self._blocks and not (self.paused or self._stopped):
            block = self._blocks[0]
            count = min(len(out) - filled, len(block) - self._offset)
            out[filled : filled + count] = block[self._offset : self._offset + count]
            filled += count
            self._offset += count
            if self._offset == len(block):
                self._blocks.popleft()
                self._offset = 0
                self._taken.set()
        out[filled:] = 0
        self.position += filled / SAMPLE_RATE * self._speed
