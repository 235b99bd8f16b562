"""Caption files: one for each format, beside each other, of the same name. Knows no session."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from os.path import realpath
from pathlib import Path
from typing import TextIO

from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.captions.srt import SrtWriter
from s2t2_live.captions.txt import TxtWriter
from s2t2_live.captions.vtt import VttWriter
from s2t2_live.errors import OutputError, UsageError
from s2t2_live.live.events import Event

FORMATS: dict[str, Callable[[TextIO], TxtWriter | SrtWriter | VttWriter | JsonLinesWriter]] = {
    "txt": TxtWriter,
    "srt": SrtWriter,
    "vtt": VttWriter,
    "jsonl": JsonLinesWriter,
}


class CaptionFile:
    """A sink that writes one caption file as the session goes on.

    Raises OutputError where the file cannot be written.
    """

    def __init__(self, path: Path, format: str, *, new: bool = False) -> None:
        """Replaces a file of that name, or, where it must be a `new` one, raises FileExistsError."""
        self._path = path
        self._failed = False
        try:
            self._file = path.open("x" if new else "w", encoding="utf-8", errors="backslashreplace", newline="\n")
            self._writer = FORMATS[format](self._file)
        except FileExistsError:
            raise
        except OSError as error:
            raise unwritable(path, error) from error

    def handle(self, event: Event) -> None:
        try:
            self._writer.handle(event)
        except OSError as error:
            self._failed = True
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        try:
            with self._file:
                self._writer.close()
        except OSError as error:
            if not self._failed:
                raise unwritable(self._path, error) from error


def caption_paths(recordings: Iterable[Path], directory: Path, formats: Sequence[str]) -> dict[Path, dict[str, Path]]:
    """For each recording its caption file of each format.

    Raises UsageError where two recordings would share a file, or a recording would be overwritten.
    """
    recordings = list(recordings)
    taken = {realpath(recording): recording for recording in recordings}
    paths: dict[Path, dict[str, Path]] = {}
    for recording in dict.fromkeys(recordings):
        paths[recording] = {}
        for format in formats:
            path = directory / f"{recording.stem}.{format}"
            other = taken.setdefault(realpath(path), recording)
            if realpath(path) == realpath(other):
                raise UsageError(f"The captions would overwrite the recording {other}; choose another folder.")
            if other != recording:
                raise UsageError(
                    f"{other} and {recording} would both be written to {path}; rename one of them, "
                    "or run them one by one with an --output-dir each."
                )
            paths[recording][format] = path
    return paths


def live_name() -> str:
    """The name, without a suffix, of the caption files of a live session that begins now."""
    return time.strftime("s2t2-live_%Y-%m-%d_%H-%M-%S")


def caption_files(paths: Mapping[str, Path]) -> list[CaptionFile]:
    """The files by format, opened; those that are there are replaced.

    Raises OutputError, and then none is open and what was there is as it was.
    """
    for path in paths.values():
        if path.exists():
            try:
                path.open("ab").close()
            except OSError as error:
                raise unwritable(path, error) from error
    return _open(paths, new=False)


def new_caption_files(name: str, directory: Path, formats: Sequence[str]) -> list[CaptionFile]:
    """A file of each format under the name, with a number behind it where any of them is taken.

    Another command may be looking for a name at the same time. Raises OutputError, and has none open then.
    """
    number, free = 1, name
    while True:
        try:
            return _open({format: directory / f"{free}.{format}" for format in formats}, new=True)
        except FileExistsError:
            number += 1
            free = f"{name} ({number})"


def _open(paths: Mapping[str, Path], *, new: bool) -> list[CaptionFile]:
    """All of the files or none: new ones that are not kept are removed."""
    files: list[CaptionFile] = []
    try:
        for format, path in paths.items():
            files.append(CaptionFile(path, format, new=new))
    except (FileExistsError, OutputError):
        for file, path in zip(files, paths.values(), strict=False):
            file.close()
            if new:
                path.unlink()
        raise
    return files


def make_directory(directory: Path) -> None:
    """Create the folder where it is missing. Raises OutputError where it cannot be created or written in."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot create the folder {directory}: {reason(error)}; choose another one.") from error
    if not os.access(directory, os.W_OK):
        raise OutputError(f"The folder {directory} is not writable; choose another one.")


def unwritable(path: Path, error: OSError) -> OutputError:
    """The one sentence for a caption file that could not be written."""
    return OutputError(f"Cannot write {path}: {reason(error)}; choose another folder.")


def reason(error: OSError) -> str:
    """What the system says, without the number and the file name."""
    return (error.strerror or str(error)).lower()
