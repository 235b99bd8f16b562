"""When in an utterance each English letter has been said, and from when on each German word is known; on disk.

Beside a shard `NAME.pcm` lies `NAME.timing.npz`. Knows neither the sounds nor how they were aligned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.training.bpe import separate_punctuation
from s2t2_live.training.ctc import encode_characters

MARGIN = 3200
"""Samples after the sound of a word from which on it counts as heard: 0.2 s."""
_PUNCTUATION = frozenset(".,?!:;-")


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one utterance, in samples from its first."""

    characters: NDArray[np.int32]
    """End of each character that `encode_characters` makes of the English."""
    german: NDArray[np.int32]
    """For each word of the German (punctuation apart), the end of the English that it and those before it stand on."""


def text_until(english: str, german: str, timing: Timing, position: int) -> tuple[list[int], str]:
    """What is known at a position: the English characters said, and the German words that stand on them alone.

    Of the German whole words only, without punctuation at the end.
    """
    characters = encode_characters(english)[: int(np.searchsorted(timing.characters, position, side="right"))]
    known = int(np.searchsorted(timing.german, position - MARGIN, side="right"))
    words = separate_punctuation(german).split()[:known]
    while words and words[-1] in _PUNCTUATION:
        words.pop()
    return characters, " ".join(words)


def timing_path(folder: Path, shard: str) -> Path:
    return folder / f"{shard}.timing.npz"


def write_timings(path: Path, timings: Sequence[Timing | None]) -> None:
    """Write atomically; None is an utterance that could not be aligned."""
    aligned = [timing or Timing(np.zeros(0, np.int32), np.zeros(0, np.int32)) for timing in timings]
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(
            file,
            characters=np.concatenate([timing.characters for timing in aligned]),
            characters_counts=[len(timing.characters) for timing in aligned],
            german=np.concatenate([timing.german for timing in aligned]),
            german_counts=[len(timing.german) for timing in aligned],
        )
    os.replace(partial, path)


def read_timings(path: Path) -> list[Timing | None]:
    """The timings of a shard, one an utterance."""
    with np.load(path) as arrays:
        columns = [
            np.split(arrays[name], np.cumsum(arrays[f"{name}_counts"])[:-1]) for name in ("characters", "german")
        ]
    return [Timing(*pair) if len(pair[0]) else None for pair in zip(*columns, strict=True)]
