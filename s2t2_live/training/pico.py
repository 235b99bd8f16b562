"""Speech by SVOX Pico, from the package ttspico. Knows no other synthesiser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from ttspico import TtsEngine

SAMPLE_RATE = 16_000
"""Pico's own, Hz."""
VOLUME = 50
"""Of its own 100, at which it clips."""


def write_speech(language: str, deliveries: Sequence[tuple[str, float, float]], targets: Sequence[Path]) -> None:
    """Have the voice of a language (`en-US`, `en-GB`) write each text to its WAV file.

    With each text stand its duration and its fundamental frequency, relative to the voice's own.
    """
    engine = TtsEngine(language)
    engine.volume = VOLUME
    for (text, stretch, pitch), target in zip(deliveries, targets, strict=True):
        engine.rate, engine.pitch = round(100 / stretch), round(100 * pitch)
        soundfile.write(target, np.frombuffer(engine.speak(text) or b"", dtype=np.int16), SAMPLE_RATE)
