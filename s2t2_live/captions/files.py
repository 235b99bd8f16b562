"""Caption files: one for each format, beside each other, of the same name. Knows no session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
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
    """A sink that writes one caption file as the session goes on. Replaces a file of that name.

    Raises OutputError where the file cannot be written.
    """

    def __init__(self, path: Path, format: str) -> None:
        self._path = path
        self._failed = False
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
            self._writer = FORMATS[format](self._file)
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


def session_paths(name: str, directory: Path, formats: Sequence[str]) -> dict[str, Path]:
    """The caption file of each format for a session that is no recording's."""
    return {format: directory / f"{name}.{format}" for format in formats}


def free_name(name: str, directory: Path, formats: Sequence[str]) -> str:
    """The name, with a number behind it where there are caption files of that name already."""
    number, free = 1, name
    while any((directory / f"{free}.{format}").exists() for format in formats):
        number += 1
        free = f"{name} ({number})"
    return free


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
