"""A user's own speech with translations, in audio files of any format: a CoVoST-2 style table, or a folder.

Files are read when they are needed. Knows no model.
"""

from __future__ import annotations

import csv
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import S2T2Error
from s2t2_live.training.speech import Example
from s2t2_live.training.timing import Timing

logger = logging.getLogger(__name__)

SHORTEST, LONGEST = 0.2, 30.0
"""Seconds of audio; other rows are left out."""
BAD_SHARE = 0.5
"""Of the rows; with more of them something is wrong with the whole."""
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()} - {".raw"} | {".opus", ".oga", ".aif"}
"""A raw file has no header to tell its rate."""
COLUMNS = {
    "audio": ("path", "file"),
    "translation": ("translation", "german", "target"),
    "english": ("sentence", "english"),
    "voice": ("client_id", "voice", "speaker"),
}
"""Names of a table's columns; the first two are needed."""


class CorpusError(S2T2Error):
    """A table or folder of speech cannot be used."""


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance as the corpus has it."""

    place: str
    """File, and line where there are lines."""
    audio: Path
    translation: str
    english: str = ""
    voice: str = ""


class Corpus:
    """Rows whose audio can be read; a `Speech`."""

    timings: Mapping[int, Timing] = {}

    def __init__(self, rows: Sequence[tuple[Row, Example]]) -> None:
        self.rows = [row for row, _ in rows]
        self.examples = [example for _, example in rows]

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def seconds(self) -> float:
        return sum(example.length for example in self.examples) / SAMPLE_RATE

    @property
    def has_english(self) -> bool:
        """Whether every row has."""
        return all(example.english for example in self.examples)

    def audio(self, index: int) -> NDArray[np.float32]:
        """See `Speech`. Raises CorpusError for a file that breaks off."""
        row, length = self.rows[index], self.examples[index].length
        try:
            samples, rate = soundfile.read(row.audio, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise CorpusError(f"{row.place}: {row.audio} cannot be read to its end ({error}); take it out") from error
        mono = samples.mean(1)
        heard = soxr.resample(mono, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else mono
        result = np.zeros(length, dtype=np.float32)
        result[: len(heard)] = heard[:length]
        return result

    def refresh(self) -> int:
        """Nothing comes later."""
        return 0

    def split(self, count: int) -> tuple[Corpus, Corpus]:
        """The corpus without `count` rows drawn at random, always the same ones, and those rows."""
        pairs = list(zip(self.rows, self.examples, strict=True))
        held = set(random.Random(0).sample(range(len(pairs)), count))
        return tuple(Corpus([pair for i, pair in enumerate(pairs) if (i in held) is part]) for part in (False, True))  # type: ignore[return-value]


def read_corpus(source: Path, *, audio: Path | None = None, say: Callable[[str], None] = logger.warning) -> Corpus:
    """Read a table or a folder.

    A table is tab-separated with a header: `path` and `translation`, and where there are any `sentence` (English) and
    `client_id` (the speaker). Its paths are looked for in `audio`, beside the table, and in `clips` beside it. A
    folder holds `NAME.wav` (or any other format) with the translation in `NAME.txt`, and in `NAME.en.txt` the English.

    Rows that cannot be used are left out; `say` is told which of them are the first ten, and why, and how many more
    there are. Raises CorpusError when there is no such file, when columns are missing, when a line cannot be a row, or
    when more than half of the rows are of no use.
    """
    if source.is_dir():
        rows = _folder_rows(source)
    elif source.is_file():
        rows = _table_rows(source, [audio] if audio else [source.parent, source.parent / "clips"])
    else:
        raise CorpusError(f"There is no table or folder {source}.")
    if not rows:
        raise CorpusError(f"{source} holds no speech with translations.")
    usable: list[tuple[Row, Example]] = []
    bad: list[str] = []
    for row in rows:
        if isinstance(row, str):
            bad.append(row)
            continue
        problem, length = _check(row)
        if problem:
            bad.append(f"{row.place}: {problem}")
        else:
            usable.append((row, Example(row.english, row.translation, "", row.voice, 0, length)))
    for line in bad[:10]:
        say(f"{line}; left out")
    if len(bad) > 10:
        say(f"{len(bad) - 10} more rows of {source} are left out")
    if not usable or len(bad) > BAD_SHARE * (len(bad) + len(usable)):
        first = f" The first: {bad[0]}." if bad else ""
        hint = "" if source.is_dir() else " Name the folder of the audio with --audio."
        raise CorpusError(f"{source}: {len(bad)} of {len(bad) + len(usable)} rows cannot be used.{first}{hint}")
    return Corpus(usable)


def _check(row: Row) -> tuple[str, int]:
    """What is wrong with a row, if anything, and its length in samples."""
    if not row.translation:
        return "the translation is empty", 0
    if not row.audio.is_file():
        return f"there is no file {row.audio}", 0
    try:
        info = soundfile.info(row.audio)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:  # TypeError: a raw file, named in a table
        return f"{row.audio} cannot be read as audio ({error})", 0
    if not SHORTEST <= info.duration <= LONGEST:
        return f"{row.audio} is {info.duration:.1f} s long, not {SHORTEST:g} to {LONGEST:g} s", 0
    return "", round(info.duration * SAMPLE_RATE)


def _table_rows(table: Path, folders: Sequence[Path]) -> list[Row | str]:
    """In their order; a text is what is wrong with a row that is none."""
    rows: list[Row | str] = []
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = next(reader, [])
            columns = {
                meaning: next((header.index(name) for name in names if name in header), None)
                for meaning, names in COLUMNS.items()
            }
            for meaning in ("audio", "translation"):
                if columns[meaning] is None:
                    names = " or ".join(COLUMNS[meaning])
                    raise CorpusError(f"{table} has no column {names} in its first line, only: {', '.join(header)}.")
            for cells in reader:
                place = f"{table}:{reader.line_num}"
                if len(cells) != len(header):
                    rows.append(f"{place}: {len(cells)} columns, but the first line has {len(header)}")
                    continue
                cell = {m: "" if at is None else cells[at].strip() for m, at in columns.items()}
                path = _find(cell["audio"], folders)
                rows.append(Row(place, path, cell["translation"], cell["english"], cell["voice"]))
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{table} cannot be read as text: {error}.") from error
    except csv.Error as error:
        raise CorpusError(f"{table}:{reader.line_num} is no row of a table ({error}); take it out.") from error
    return rows


def _find(name: str, folders: Sequence[Path]) -> Path:
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)


def _folder_rows(folder: Path) -> list[Row | str]:
    rows: list[Row | str] = []
    for audio in _audio_files(folder):
        try:
            english, translation = (
                path.read_text(encoding="utf-8-sig").strip() if path.is_file() else None
                for path in (audio.with_suffix(".en.txt"), audio.with_suffix(".txt"))
            )
        except (OSError, UnicodeDecodeError) as error:
            rows.append(f"{audio}: its text cannot be read: {error}")
            continue
        if translation is None:
            rows.append(f"{audio}: there is no translation {audio.with_suffix('.txt').name} beside it")
        else:
            rows.append(Row(str(audio), audio, " ".join(translation.split()), " ".join((english or "").split())))
    return rows


def _audio_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file())
