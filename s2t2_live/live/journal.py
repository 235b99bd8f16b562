"""Sessions saved while they happen: one file each, which outlives the program. Knows neither window nor engine.

A journal is JSON lines: a header with the time and the source, then every event but the partials, each written out at
once. A program that crashes leaves a journal without a summary, whose last line may be torn; all others can be read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, TextIO, TypeAlias

import platformdirs

from s2t2_live.captions.files import reason
from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.errors import JournalError, OutputError
from s2t2_live.live.events import Event, Final, Gap, Partial, SessionStarted, SpeechEnded, Summary, from_dict

logger = logging.getLogger(__name__)

State: TypeAlias = Literal["finished", "running", "interrupted", "recovered"]

HEADER = "journal"
RECOVERED = "recovered"
TAIL = 65_536
"""Bytes at the end of a journal that hold its last whole lines; a summary and a caption are far shorter."""


@dataclass(frozen=True, slots=True)
class SavedSession:
    """What a list of sessions shows of one of them."""

    path: Path
    started: datetime
    """With the time zone that it was started in."""
    source: str
    """The device's or the file's name."""
    recording: Path | None
    """The file that was replayed; None for live audio."""
    state: State
    """`interrupted` has no summary and nobody who still writes it; `recovered` was, and the user has been told."""
    length: float
    """Seconds of audio; of a session without a summary, those with captions."""
    preview: str
    """The first caption; empty where there is none."""


def sessions_folder() -> Path:
    """Where the user's own sessions are kept."""
    return Path(platformdirs.user_data_dir("s2t2-live", appauthor=False)) / "sessions"


class Journal:
    """A sink that saves one session in a folder, readable for its user alone. A session without events has no file.

    A crash of the program loses nothing; a power cut, what the system has not written yet. `handle` raises OutputError
    where the disk is full or the folder is not writable: the session then goes on without it, and says so.
    """

    def __init__(self, folder: Path, *, recording: Path | None = None) -> None:
        """The folder is created with the file. `recording`: what is replayed."""
        self.path: Path | None = None
        """The file; None before the first event."""
        self._folder = folder
        self._recording = recording
        self._file: TextIO | None = None

    def handle(self, event: Event) -> None:
        if isinstance(event, Partial):
            return
        try:
            file = self._file or self._begin(event)
            JsonLinesWriter(file).handle(event)
        except OSError as error:
            self._abandon()
            raise OutputError(
                f"The session is not being saved any more, in {self._folder}: {reason(error)}; "
                "make room or export the transcript before you close it."
            ) from error

    def close(self) -> None:
        """Idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, event: Event) -> TextIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        started = datetime.now().astimezone()
        path, file = _create(self._folder, started.strftime("%Y-%m-%d %H-%M-%S"))
        self.path, self._file = path, file
        # Whoever holds the lock is still writing; the system lets go of it for a process that dies. Some network
        # folders have no locks: there a running session looks interrupted.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        header = {
            "type": HEADER,
            "started": started.isoformat(timespec="seconds"),
            "source": event.source if isinstance(event, SessionStarted) else "",
            "recording": None if self._recording is None else str(self._recording.absolute()),
        }
        file.write(json.dumps(header, ensure_ascii=False) + "\n")
        return file

    def _abandon(self) -> None:
        """Let go of a file that nothing can be written to; what it has stays."""
        if self._file is not None:
            # Closing writes what is still in the buffer, and fails as the writing did.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def sessions(folder: Path) -> list[SavedSession]:
    """The saved sessions, the newest first; files that are no journals are left out."""
    found = []
    for path in folder.glob("*.jsonl"):
        try:
            with path.open("rb") as file:
                found.append(_summarized(path, file))
        except (OSError, JournalError) as error:
            logger.warning("%s", error)
    return sorted(found, key=lambda session: (session.started, session.path.name), reverse=True)


def load_session(path: Path) -> list[Event]:
    """The events of a saved session. A torn or unknown line is left out.

    Raises JournalError for a file that cannot be read or is no journal.
    """
    try:
        with path.open("rb") as file:
            _header(path, file)
            return list(_events(file))
    except OSError as error:
        raise JournalError(f"Cannot read the session {path}: {reason(error)}.") from error


def mark_recovered(session: SavedSession) -> None:
    """Note that the user has been told of an interrupted session. Raises JournalError where that is impossible."""
    try:
        with session.path.open("ab") as file:
            # The last line may be torn: the note begins on one of its own.
            file.write(b"\n" + json.dumps({"type": RECOVERED}).encode() + b"\n")
    except OSError as error:
        raise JournalError(f"Cannot write to the session {session.path}: {reason(error)}.") from error


def _create(folder: Path, name: str) -> tuple[Path, TextIO]:
    """A new file; sessions that begin in the same second are numbered."""
    number = 1
    while True:
        path = folder / (f"{name}.jsonl" if number == 1 else f"{name} ({number}).jsonl")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        return path, open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")


def _summarized(path: Path, file: IO[bytes]) -> SavedSession:
    """What the head and the tail of the file tell; the middle of a long session is not read."""
    header = _header(path, file)
    first = next((event.text for event in _events(file) if isinstance(event, Final) and event.text), "")
    file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
    tail = [line for line in file.read().split(b"\n") if line]
    state, length = _ending(file, tail)
    recording = header.get("recording")
    return SavedSession(
        path=path,
        started=datetime.fromisoformat(header["started"]),
        source=str(header.get("source", "")),
        recording=Path(recording) if isinstance(recording, str) else None,
        state=state,
        length=length,
        preview=first,
    )


def _ending(file: IO[bytes], tail: list[bytes]) -> tuple[State, float]:
    """How the session ended, and how many seconds it is long."""
    events = list(_events(tail))
    for event in events:
        if isinstance(event, Summary):
            return "finished", event.audio
    length = max((event.end for event in events if isinstance(event, Final | Gap | SpeechEnded)), default=0.0)
    if any((_object(line) or {}).get("type") == RECOVERED for line in tail):
        return "recovered", length
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running", length
    except OSError as error:
        logger.debug("no lock: %s", error)
    return "interrupted", length


def _header(path: Path, file: IO[bytes]) -> dict[str, Any]:
    header = _object(file.readline()) or {}
    try:
        datetime.fromisoformat(header["started"])
        if header["type"] == HEADER:
            return header
    except (KeyError, TypeError, ValueError):
        pass
    raise JournalError(f"{path} is no saved session; choose a file that this program has written.")


def _events(lines: Iterable[bytes]) -> Iterator[Event]:
    for line in lines:
        if (event := _event(line)) is not None:
            yield event


def _event(line: bytes) -> Event | None:
    body = _object(line)
    try:
        return None if body is None else from_dict(body)
    except (KeyError, TypeError):
        return None


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
