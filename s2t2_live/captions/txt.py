"""Plain text: a transcript file, or standard output into a pipe. Knows no file."""

from __future__ import annotations

from s2t2_live.captions.cue import Cue, CueWriter


class TxtWriter(CueWriter):
    """Writes every final caption on a line of its own; partials are not written."""

    def format(self, cue: Cue) -> str:
        return f"{cue.text}\n"
