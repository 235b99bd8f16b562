"""A source whose audio is also written to a file, while it is heard. Knows no engine."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice, Source, SourceItem
from s2t2_live.errors import OutputError

FAILURES = (OSError, soundfile.LibsndfileError, struct.error)
"""Of a writer; the last is that of a header whose field for the length is too small."""
SYSTEM_ERROR = 2
"""libsndfile's code for whatever the system refuses."""


class _Writer(Protocol):
    def write(self, samples: NDArray[np.int16]) -> None: ...

    def close(self) -> None: ...


class SavingSource:
    """A `Source` that passes on another one and writes what that delivers; a gap becomes silence of its length.

    So the captions' times are those of the file. All but the last moments are there when the process is killed. When
    the file cannot be written any more, the user is told and listening goes on.
    """

    def __init__(self, source: Source, path: Path) -> None:
        """WAV or FLAC by the suffix, 16 bit; replaces a file of that name as soon as there is audio.

        Raises OutputError.
        """
        self.name = source.name
        self.sample_rate = source.sample_rate
        self.duration = source.duration
        self.real_time = source.real_time
        self.failed = False
        """Whether the file lacks something."""
        self._source = source
        self._path = path
        self._written: int | None = None
        self._writer: _Writer | None = None
        try:
            new = not path.exists()
            with path.open("ab"):
                pass
            if new:
                path.unlink()
        except OSError as error:
            raise OutputError(self._sentence(error)) from error

    def __iter__(self) -> Iterator[SourceItem]:
        for item in self._source:
            if not self.failed and not isinstance(item, AudioNotice):
                try:
                    self._write(item)
                except FAILURES as error:
                    self.failed = True
                    yield AudioNotice(self._sentence(error))
            yield item

    def close(self) -> None:
        """Finish the file; called by the owner when the session has ended. Raises OutputError."""
        if self._writer is None:
            return
        try:
            self._writer.close()
        except FAILURES as error:
            if not self.failed:
                raise OutputError(self._sentence(error)) from error

    def now(self) -> float:
        return self._source.now()

    def stop(self) -> None:
        self._source.stop()

    def pause(self) -> None:
        self._source.pause()

    def resume(self) -> None:
        self._source.resume()

    def _write(self, item: AudioChunk | AudioGap) -> None:
        if self._writer is None:
            self._writer = _FlacWriter(self._path) if self._path.suffix.lower() == ".flac" else _WavWriter(self._path)
        written = item.start if self._written is None else self._written
        while written < item.end:
            if isinstance(item, AudioChunk):
                samples = item.samples[written - item.start :]
            else:
                samples = np.zeros(min(item.end - written, SAMPLE_RATE), dtype=np.float32)
            self._writer.write(np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype("<i2"))
            written += len(samples)
        self._written = written

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, OSError):
            cause = (error.strerror or str(error)).lower()
        elif isinstance(error, soundfile.LibsndfileError):
            # It does not pass on what the system said.
            cause = "the disk is full or gone" if error.code == SYSTEM_ERROR else str(error)
        else:
            cause = "a WAV file has room for no more than 4 GiB, a FLAC file has"
        return f"The audio cannot be written to {self._path}: {cause.rstrip('.')}; choose another --save-audio."


class _WavWriter:
    """Brings the length in the header up to date with every piece."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb", buffering=0)
        self._file = wave.Wave_write(self._raw)
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(SAMPLE_RATE)

    def write(self, samples: NDArray[np.int16]) -> None:
        self._file.writeframes(samples.tobytes())

    def close(self) -> None:
        with self._raw:
            self._file.close()


class _FlacWriter:
    """A stream of frames, each of which can be read without those that follow."""

    def __init__(self, path: Path) -> None:
        # libsndfile says of a path that cannot be written only that it is a system error.
        with path.open("wb"):
            pass
        self._file = soundfile.SoundFile(path, "w", samplerate=SAMPLE_RATE, channels=1, format="FLAC", subtype="PCM_16")

    def write(self, samples: NDArray[np.int16]) -> None:
        self._file.write(samples)

    def close(self) -> None:
        self._file.close()
