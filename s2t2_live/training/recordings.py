"""The recordings that ship: a table of texts and voices, spoken into FLAC files. Knows no model."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import SettingsError
from s2t2_live.training.voices import RESERVED_VOICES, TRAINING_VOICES, Utterance, speak

PAUSE = 1.0
"""Seconds between sentences, as when a person waits for an answer."""
EDGE = 0.5
"""Seconds before the first and after the last."""
ROOM_DB = -62.0
"""Level of the room's own noise below full scale; a microphone is never digitally silent."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of `recordings.tsv`."""

    file: str
    voice: str
    english: str
    german: str


def read_table(path: Path) -> list[Recording]:
    """The rows of a table with the columns `file`, `voice`, `english` and `german`."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [Recording(**row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def split_sentences(text: str) -> list[str]:
    """Cut after `. ? !` where white space follows, but not after an ordinal number as in "am 4. Oktober"."""
    return re.split(r"(?<=[.?!])(?<!\d\.)\s+", text.strip())


def render(table: Path) -> float:
    """Speak every row into its FLAC file (16 kHz, 16 bit) beside the table; returns seconds in all.

    Raises SettingsError for a voice that does not exist.
    """
    voices = {str(voice): voice for voice in (*TRAINING_VOICES, *RESERVED_VOICES)}
    total = 0.0
    for row in read_table(table):
        if row.voice not in voices:
            raise SettingsError(f"{table}: no voice {row.voice!r}; there are {', '.join(voices)}")
        spoken = speak([Utterance(voices[row.voice], sentence) for sentence in split_sentences(row.english)])
        pieces = [np.zeros(int(EDGE * SAMPLE_RATE))]
        for samples in spoken:
            pieces += [samples / 32768, np.zeros(int(PAUSE * SAMPLE_RATE))]
        pieces[-1] = np.zeros(int(EDGE * SAMPLE_RATE))
        audio = np.concatenate(pieces)
        noise = np.random.default_rng(len(audio)).standard_normal(len(audio)) * 10 ** (ROOM_DB / 20)
        soundfile.write(table.parent / row.file, audio + noise, SAMPLE_RATE, subtype="PCM_16")
        total += len(audio) / SAMPLE_RATE
    return total
