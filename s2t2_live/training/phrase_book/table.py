"""Tables of the grammar: text files with tabs between the columns and comments after "#"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s2t2_live.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table with its place, for error messages."""

    file: Path
    number: int
    fields: tuple[str, ...]

    def error(self, cause: str) -> SettingsError:
        return SettingsError(f"{self.file}:{self.number}: {cause}")


def read_table(file: Path, columns: int, optional: int = 0) -> Iterator[Line]:
    """The lines of a table, which must have `columns` fields and may have up to `optional` more."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: the table cannot be read as UTF-8 text ({error})") from error
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        line = Line(file, number, tuple(part.strip() for part in re.split(r"\t+", raw.strip())))
        if not columns <= len(line.fields) <= columns + optional:
            raise line.error(f"expected {columns} columns separated by tabs, found {len(line.fields)}")
        yield line
