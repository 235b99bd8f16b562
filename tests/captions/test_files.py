"""Caption files: their names, and where they cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2t2_live.captions.files import CaptionFile, caption_files, new_caption_files
from s2t2_live.errors import OutputError
from s2t2_live.live.events import Final

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("format", ["txt", "srt", "jsonl"])  # a WebVTT file cannot even be begun
def test_a_full_disk_is_told_once(format: str) -> None:
    file = CaptionFile(FULL, format)
    told = []
    for call in (lambda: file.handle(Final(1, 0.0, 1.0, "Guten Tag.", 0.1, 0.2)), file.close):
        try:
            call()
        except OutputError as error:
            told.append(str(error))
    assert told == ["Cannot write /dev/full: no space left on device; choose another folder."]


@pytest.mark.parametrize("taken", ["talk.srt", "talk.txt"])
def test_new_files_of_one_session_share_the_first_free_number(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("another session", encoding="utf-8")
    for _ in range(2):
        for file in new_caption_files("talk", tmp_path, ("srt", "txt")):
            file.handle(Final(1, 0.0, 1.0, "Guten Tag.", 0.1, 0.2))
            file.close()
    assert (tmp_path / taken).read_text("utf-8") == "another session"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {taken, "talk (2).srt", "talk (2).txt", "talk (3).srt", "talk (3).txt"}


def test_new_files_that_cannot_all_be_opened_leave_nothing_behind(tmp_path: Path) -> None:
    too_long = "x" * 251  # with .jsonl; with .srt it is as long as a name may be
    with pytest.raises(OutputError, match="too long"):
        new_caption_files(too_long, tmp_path, ("srt", "jsonl"))
    assert list(tmp_path.glob("x*")) == []


def test_files_that_cannot_all_be_opened_are_not_replaced(tmp_path: Path) -> None:
    paths = {"srt": tmp_path / "talk.srt", "vtt": tmp_path / "talk.vtt"}
    paths["srt"].write_text("older captions", encoding="utf-8")
    paths["vtt"].mkdir()
    with pytest.raises(OutputError, match=r"talk\.vtt: is a directory"):
        caption_files(paths)
    assert paths["srt"].read_text("utf-8") == "older captions"
