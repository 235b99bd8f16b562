"""Audio that waits for the model: in memory, or on disk in one file of bounded size. Knows no job and no thread."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import AudioError

_BYTES = np.dtype(np.float32).itemsize


@dataclass(frozen=True, slots=True)
class Span:
    """Samples in a spool."""

    start: int
    """Samples that had been written before."""
    length: int


class Spool:
    """A temporary file that is written in a circle, so that it never grows beyond its bound. Thread-safe.

    The file is made with the first write, and is gone when the process ends, however it ends.
    """

    def __init__(self, limit: float) -> None:
        """`limit` in seconds of audio."""
        self._size = round(limit * SAMPLE_RATE)
        self._file: IO[bytes] | None = None
        self._written = 0
        self._released = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> float:
        """Seconds of audio in the file."""
        with self._lock:
            return (self._written - self._released) / SAMPLE_RATE

    def write(self, samples: NDArray[np.float32]) -> Span:
        """Keep the samples, shape (n,). Raises AudioError when there is no room for them, here or on the disk."""
        with self._lock:
            if self._written + len(samples) - self._released > self._size:
                raise AudioError(f"{self._size / SAMPLE_RATE / 60:.0f} minutes of audio are waiting for the model")
            try:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(prefix="s2t2-live-", buffering=0)  # noqa: SIM115
                span = Span(self._written, len(samples))
                for place, part in self._parts(span):
                    self._file.seek(place * _BYTES)
                    piece = memoryview(samples[part].tobytes())
                    while len(piece):
                        piece = piece[self._file.write(piece) :]
            except OSError as error:
                raise AudioError(f"waiting audio cannot be written to disk: {error.strerror or error}") from error
            self._written += len(samples)
            return span

    def read(self, span: Span) -> NDArray[np.float32]:
        """The samples, shape (n,). Raises AudioError when the disk fails."""
        samples = np.empty(span.length, dtype=np.float32)
        with self._lock:
            if self._file is None:
                raise AudioError("the waiting audio has been dropped")
            try:
                for place, part in self._parts(span):
                    self._file.seek(place * _BYTES)
                    wanted = len(samples[part]) * _BYTES
                    samples[part] = np.frombuffer(self._file.read(wanted), dtype=np.float32)
            except (OSError, ValueError) as error:
                raise AudioError(f"waiting audio cannot be read back from disk: {error}") from error
        return samples

    def release(self, span: Span) -> None:
        """The samples, and all that were written before them, are not needed any more."""
        with self._lock:
            self._released = max(self._released, span.start + span.length)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._released = self._written
            if self._file is not None:
                self._file.close()
                self._file = None

    def _parts(self, span: Span) -> list[tuple[int, slice]]:
        """Where in the file the samples lie, and which of them: two parts where they run over the file's end."""
        place = span.start % self._size if self._size else 0
        first = min(span.length, self._size - place)
        return [(place, slice(0, first)), (0, slice(first, span.length))][: 1 + (first < span.length)]


class WaitingAudio:
    """The audio of one segment, from its first sample on, part of it perhaps in the spool."""

    def __init__(self, spool: Spool) -> None:
        self.length = 0
        """In samples."""
        self._spool = spool
        self._pieces: list[NDArray[np.float32] | Span] = []

    def append(self, samples: NDArray[np.float32], *, to_disk: bool) -> None:
        """Raises AudioError when it should go to disk and cannot."""
        self._pieces.append(self._spool.write(samples) if to_disk else samples)
        self.length += len(samples)

    def samples(self, length: int) -> NDArray[np.float32]:
        """The first `length` samples, or as many as there are. Raises AudioError when the disk fails."""
        parts = [self._spool.read(piece) if isinstance(piece, Span) else piece for piece in self._pieces]
        whole = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
        if not any(isinstance(piece, Span) for piece in self._pieces):
            self._pieces = [whole]
        return whole[:length]

    def release(self) -> None:
        """Nothing of it is needed any more, nor of the segments before it."""
        for piece in self._pieces:
            if isinstance(piece, Span):
                self._spool.release(piece)
        self._pieces.clear()
