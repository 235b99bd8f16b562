"""SubRip subtitles. Knows no file."""

from __future__ import annotations

from typing import TextIO

from s2t2_live.captions.cue import Cue, CueWriter, clock


class SrtWriter(CueWriter):
    """Writes every caption as a numbered SubRip cue."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._number = 0

    def format(self, cue: Cue) -> str:
        self._number += 1
        # An arrow would look like a line of times.
        text = cue.text.replace("-->", "->")
        return f"{self._number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{text}\n\n"
