"""Sessions saved while they happen: what is there after an end, a crash and a full disk."""

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from s2t2_live.errors import JournalError, OutputError
from s2t2_live.live.events import (
    Error,
    Event,
    Final,
    Gap,
    Partial,
    SessionStarted,
    SpeechEnded,
    SpeechStarted,
    Summary,
)
from s2t2_live.live.journal import (
    Journal,
    SavedSession,
    load_session,
    mark_recovered,
    sessions,
)

STARTED = SessionStarted("demo", "cpu", "fp32", "local-agreement", "Mikrofon «links»", 48_000, "1")
SPOKEN: list[Event] = [
    STARTED,
    SpeechStarted(0, 0.5),
    Partial(0, 0.5, 1.0, "der", "Zug", 0.1),
    SpeechEnded(0, 0.5, 2.25, "pause"),
    Final(0, 0.5, 2.25, "Der Zug fährt.", 0.2, 0.4, confidence=0.75),
    Gap(2.25, 3.0, "paused"),
    Error("Something\nwent wrong.", fatal=False),
    Final(1, 3.0, 4.0, "Heute.", 0.2, 0.4, revised=True),
]
SUMMARY = Summary(5.0, 2, 0.2, {"median": 0.4, "p95": 0.4}, 0.0)
KEPT = [event for event in SPOKEN if not isinstance(event, Partial)]


def saved(folder: Path, events: list[Event], **options: Path) -> Path:
    journal = Journal(folder, **options)
    for event in events:
        journal.handle(event)
    journal.close()
    journal.close()
    assert journal.path is not None
    return journal.path


def only(folder: Path) -> SavedSession:
    (session,) = sessions(folder)
    return session


def test_everything_but_the_partials_comes_back(tmp_path: Path) -> None:
    path = saved(tmp_path / "a" / "b", [*SPOKEN, SUMMARY])
    assert load_session(path) == [*KEPT, SUMMARY]


def test_a_finished_session_in_the_list(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    path = saved(tmp_path, [*SPOKEN, SUMMARY], recording=Path("talk.flac"))
    session = only(tmp_path)
    assert (session.path, session.source, session.state) == (path, STARTED.source, "finished")
    assert (session.length, session.preview) == (5.0, "Der Zug fährt.")
    assert session.recording == Path.cwd() / "talk.flac"
    assert before <= session.started <= datetime.now(UTC)


def test_what_was_said_is_for_its_user_alone(tmp_path: Path) -> None:
    path = saved(tmp_path / "sessions", SPOKEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_session_without_events_has_no_file(tmp_path: Path) -> None:
    Journal(tmp_path / "sessions").close()
    assert not (tmp_path / "sessions").exists()
    assert sessions(tmp_path / "sessions") == []


def test_each_event_can_be_read_as_soon_as_it_is_handled(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for count, event in enumerate(KEPT, start=1):
        journal.handle(event)
        assert journal.path is not None
        assert load_session(journal.path) == KEPT[:count]
    assert only(tmp_path).state == "running"
    journal.close()
    assert only(tmp_path).state == "interrupted"


def test_sessions_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    paths = [saved(tmp_path, [STARTED]) for _ in range(5)]
    assert len(set(paths)) == 5
    found = [session.started for session in sessions(tmp_path)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


def test_a_torn_last_line_costs_no_more_than_itself(tmp_path: Path) -> None:
    path = saved(tmp_path, SPOKEN)
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in range(last, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert load_session(path) == KEPT[:-1]
        session = only(tmp_path)
        assert (session.state, session.length) == ("interrupted", 3.0)


def test_a_power_cut_that_leaves_zeros(tmp_path: Path) -> None:
    path = saved(tmp_path, SPOKEN)
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert load_session(path) == KEPT
    assert only(tmp_path).state == "interrupted"


def test_an_interrupted_session_is_told_of_once(tmp_path: Path) -> None:
    path = saved(tmp_path, SPOKEN)
    path.write_bytes(path.read_bytes()[:-5])
    mark_recovered(only(tmp_path))
    assert only(tmp_path).state == "recovered"
    assert only(tmp_path).length == 3.0
    assert load_session(path) == KEPT[:-1]


def test_the_end_of_a_long_session_is_found(tmp_path: Path) -> None:
    captions = [Final(number, number * 4.0, number * 4.0 + 3.0, "Wort " * 12, 0.1, 0.2) for number in range(2000)]
    journal = Journal(tmp_path)
    for event in [STARTED, *captions]:
        journal.handle(event)
    journal.close()
    assert only(tmp_path).length == 1999 * 4.0 + 3.0


def test_an_event_of_a_later_version_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, [STARTED])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"type": "applause", "start": 1.0}\n{"type": "gap", "start": 1.0}\n[1]\n')
        file.write(json.dumps({"type": "gap", "start": 1.0, "end": 2.0, "reason": "x", "channel": 3}) + "\n")
    assert load_session(path) == [STARTED, Gap(1.0, 2.0, "x")]


@pytest.mark.parametrize("body", ["", "{}", "null", '{"type": "journal"}', '{"type": "journal", "started": "soon"}'])
def test_what_is_no_journal_is_refused_and_not_listed(
    tmp_path: Path, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(body)
    with pytest.raises(JournalError, match=r"notes\.jsonl is no saved session"):
        load_session(path)
    assert sessions(tmp_path) == []
    assert "notes.jsonl is no saved session" in caplog.text


def test_a_session_that_is_gone_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, [STARTED])
    session = only(tmp_path)
    path.unlink()
    with pytest.raises(JournalError, match=r"Cannot read the session .*: no such file"):
        load_session(path)
    path.mkdir()
    with pytest.raises(JournalError, match=r"Cannot write to the session .*: is a directory"):
        mark_recovered(session)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"not being saved .*file/sessions: .*; make room or export"):
        Journal(tmp_path / "file" / "sessions").handle(STARTED)


CRASH = """
import os, signal, sys
from pathlib import Path
from s2t2_live.live.events import Final, SessionStarted
from s2t2_live.live.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.handle(SessionStarted("demo", "cpu", "fp32", "final-only", "mic", 16000, "1"))
journal.handle(Final(0, 0.0, 1.0, "Guten Tag.", 0.1, 0.2))
print("written", flush=True)
signal.pause()
"""


def test_a_killed_program_leaves_every_caption_and_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", CRASH, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        assert only(tmp_path).state == "running"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    session = only(tmp_path)
    assert (session.state, session.preview, session.length) == ("interrupted", "Guten Tag.", 1.0)
    assert len(load_session(session.path)) == 2


FULL_DISK = """
import resource, sys, threading
from pathlib import Path
from s2t2_live.live.events import Final
from s2t2_live.live.journal import Journal, load_session, sessions
from s2t2_live.live.publisher import Publisher

class Window:
    captions = []
    def handle(self, event):
        self.captions.append(event.text)
    def close(self):
        pass

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
journal, finished, failures = Journal(Path(sys.argv[1])), threading.Event(), []
publisher = Publisher([journal, Window()], failed=lambda *failure: failures.append(failure), finished=finished.set)
publisher.start()
for number in range(200):
    publisher.publish(Final(number, number, number + 1.0, f"Satz {number}.", 0.1, 0.2))
publisher.close()
finished.wait()
journal.close()
assert len(Window.captions) == 200
((error, last),) = failures
assert not last
saved = load_session(journal.path)
assert [event.segment for event in saved] == list(range(len(saved)))
print(len(saved), error)
"""


def test_a_full_disk_ends_the_saving_and_nothing_else(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    assert process.stderr == ""
    count, sentence = process.stdout.strip().split(" ", 1)
    assert 10 < int(count) < 40
    assert sentence == (
        f"The session is not being saved any more, in {tmp_path}: file too large; "
        "make room or export the transcript before you close it."
    )
