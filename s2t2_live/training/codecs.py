"""Real codecs at low bit rates, by libsndfile and in memory: as from telephones, meetings and old recordings.

Knows one waveform at a time.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of libsndfile with its settings."""

    name: str
    format: str
    subtype: str
    rate: int
    """Samples a second that are coded."""
    compression: float | None = None
    """libsndfile's level, 0 to 1; None for a codec that has none."""

    def __str__(self) -> str:
        return self.name


CODECS = (
    Codec("GSM 13 kbit/s", "WAV", "GSM610", 8_000),
    Codec("Vorbis 17 kbit/s", "OGG", "VORBIS", 8_000, 1.0),
    Codec("Vorbis 28 kbit/s", "OGG", "VORBIS", 16_000, 1.0),
    Codec("MP3 22 kbit/s", "MP3", "MPEG_LAYER_III", 16_000, 0.99),
    Codec("Opus 8 kbit/s", "OGG", "OPUS", 16_000, 1.0),
)
"""A core codes and decodes 100 to 350 times as fast as it plays, with Opus 40 times. None of them moves the sound."""


def coded(wave: NDArray[np.float32], codec: Codec) -> NDArray[np.float32]:
    """Code and decode a waveform at `SAMPLE_RATE`, (n,), float32, full scale ±1; the result is as long."""
    narrow = codec.rate != SAMPLE_RATE
    given = soxr.resample(wave, SAMPLE_RATE, codec.rate) if narrow else wave
    file = io.BytesIO()
    soundfile.write(
        file,
        np.clip(given, -1, 1),
        codec.rate,
        format=codec.format,
        subtype=codec.subtype,
        compression_level=codec.compression,
    )
    file.seek(0)
    heard, rate = soundfile.read(file, dtype="float32")
    if rate != SAMPLE_RATE:
        heard = soxr.resample(heard, rate, SAMPLE_RATE)
    result = np.zeros(len(wave), dtype=np.float32)
    result[: len(heard)] = heard[: len(wave)]
    return result
