"""Caption files: where they cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2t2_live.captions.files import CaptionFile
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
