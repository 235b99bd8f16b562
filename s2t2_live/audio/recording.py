"""A source that plays a recording: a file of any rate and channel count that libsndfile reads. Knows no engine."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, mono
from s2t2_live.audio.pace import ListeningClock
from s2t2_live.audio.resample import Resampler
from s2t2_live.errors import RecordingError

Pace: TypeAlias = Literal["realtime", "max"]

BLOCK = 0.1
"""Seconds of audio read at a time."""
FFMPEG_SUFFIXES = frozenset({".aac", ".avi", ".m4a", ".m4b", ".mkv", ".mov", ".mp4", ".mpg", ".webm", ".wma", ".wmv"})
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
_UNKNOWN_LENGTH = 2**62
"""libsndfile counts so many frames, or more, in a FLAC that was written into a pipe."""
_STREAMED = 0x7FFF_0000
"""A WAV that was written into a pipe claims at least so many bytes, because its length was not known."""


class Recording:
    """A `Source` that delivers a file at the pace of a listener, or as fast as it is taken.

    At the pace of a listener each block comes when it would have been heard to its end, on an absolute schedule: a
    late reader catches up and no error adds up. `now` counts from the start of the iteration and goes on after the
    end of the file. At `max` pace there is no listener, and `now` is how much has been delivered.
    """

    def __init__(self, path: Path, *, pace: Pace, start: float = 0.0, speed: float = 1.0) -> None:
        """`start` is the second to begin at; `speed` is the listener's, 2 for twice as fast.

        Raises RecordingError when the file cannot be read as audio.
        """
        self.path = path
        self.name = path.name
        self.real_time = pace == "realtime"
        with _open(path) as file:
            self.sample_rate: int = file.samplerate
            known = file.frames < _UNKNOWN_LENGTH
            self.duration: float | None = file.frames / file.samplerate if known else None
        self._begin = max(0.0, start)
        self._clock = ListeningClock(speed=speed)
        self._delivered = 0

    def __iter__(self) -> Iterator[AudioChunk]:
        """Yield the recording from `start`, mixed down to mono; the samples keep their place on the recording's clock.

        Raises RecordingError, after everything that could be read, when the file ends before its header says so.
        """
        first = round(self._begin * self.sample_rate)
        self._delivered = round(self._begin * SAMPLE_RATE)
        resampler = Resampler(self.sample_rate)
        with _open(self.path) as file:
            blocks = _blocks(file, self.path)
            failure: RecordingError | None = None
            heard, begun = 0, False
            while True:
                try:
                    block = next(blocks, None)
                except RecordingError as error:
                    failure, block = error, None
                if block is None:
                    break
                skipped = min(len(block), max(0, first - heard))
                heard += len(block)
                if skipped == len(block):
                    if self._clock.stopped:
                        break
                    continue
                if not begun:
                    self._clock.start(self._begin)
                    begun = True
                if not self._clock.wait(heard / self.sample_rate if self.real_time else -math.inf):
                    break
                yield from self._chunk(resampler.push(mono(block[skipped:])))
            yield from self._chunk(resampler.flush())
        if failure is not None:
            raise failure

    def now(self) -> float:
        """Seconds on the recording's clock."""
        return self._clock.now() if self.real_time else self._delivered / SAMPLE_RATE

    def stop(self) -> None:
        """End the iteration at once, from any thread."""
        self._clock.stop()

    def pause(self) -> None:
        """Stand still where it is; nothing is lost."""
        self._clock.pause()

    def resume(self) -> None:
        """Go on from there."""
        self._clock.resume()

    def _chunk(self, samples: NDArray[np.float32]) -> Iterator[AudioChunk]:
        if len(samples):
            chunk = AudioChunk(samples, self._delivered)
            self._delivered = chunk.end
            yield chunk


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is only read forward.

    soundfile seeks after each read of a file that can seek. In an MP3 that damages the sound at every block, and in a
    FLAC of unknown length it fails at the end.
    """

    def seekable(self) -> bool:
        return False


def _open(path: Path) -> _Forward:
    """The file, opened, or a RecordingError that says in one sentence why not."""
    try:
        if path.is_dir():
            raise RecordingError(f"{path} is a folder; name the recordings in it one by one.")
        if not path.exists():
            raise RecordingError(f"{path} does not exist.")
        if not path.is_file():
            raise RecordingError(f"{path} is not a regular file.")
        if path.stat().st_size == 0:
            raise RecordingError(f"{path} is empty (0 bytes).")
        with path.open("rb"):
            pass
        # As bytes, because a name on a POSIX system need not be text.
        file = _Forward(os.fsencode(path) if os.name == "posix" else path)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a raw file has no header to tell its rate
        if path.suffix.lower() in FFMPEG_SUFFIXES:
            hint = f'convert it first: ffmpeg -i "{path}" "{path.with_suffix(".flac")}"'
        else:
            hint = "WAV, FLAC, MP3, Ogg Vorbis and Opus can be read"
        raise RecordingError(f"{path} is not audio that can be read, or it is damaged; {hint}.") from error
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        file.close()
        raise RecordingError(
            f"{path} claims a sampling rate of {file.samplerate} Hz; rates from {LOWEST_RATE} to {HIGHEST_RATE} Hz "
            "can be read."
        )
    return file


def _blocks(file: _Forward, path: Path) -> Iterator[NDArray[np.float32]]:
    """Blocks of shape (n, channels) to the end, then RecordingError if the header had promised more."""
    size = max(1, round(BLOCK * file.samplerate))
    count = 0
    cause: Exception | None = None
    while cause is None:
        block = np.full((size, file.channels), np.nan, dtype=np.float32)
        try:
            block = file.read(dtype="float32", out=block)
        except soundfile.LibsndfileError as error:
            # libsndfile had filled the array as far as it came before it failed.
            cause = error
            block = block[: int(np.isfinite(block).all(axis=1).sum())]
        if not len(block):
            break
        count += len(block)
        yield block
    if file.frames >= _UNKNOWN_LENGTH:
        return  # libsndfile ends such a file with an error whether it is whole or not.
    promised = _promised_frames(file)
    if cause is not None or count < promised:
        raise RecordingError(
            f"{path} is damaged or cut off: it could be read for {count / file.samplerate:.1f} s"
            + (f" of {promised / file.samplerate:.1f} s." if promised > count else ".")
        ) from cause


def _promised_frames(file: _Forward) -> int:
    """How many frames the header claims, where a header is exact; 0 elsewhere."""
    if file.format == "FLAC":
        return int(file.frames)
    cut = re.search(r"^data : (\d+) \(should be \d+\)", file.extra_info, flags=re.MULTILINE)
    align = re.search(r"Block Align +: (\d+)", file.extra_info)
    if file.format in ("WAV", "WAVEX") and cut and align and int(cut[1]) < _STREAMED:
        return int(cut[1]) // max(1, int(align[1]))
    return 0
