"""WebVTT subtitles (https://www.w3.org/TR/webvtt1/). Knows no file."""

from __future__ import annotations

from html import escape

from s2t2_live.captions.cue import Cue, CueWriter, clock


class VttWriter(CueWriter):
    """Writes the header at once, then every caption as a WebVTT cue."""

    header = "WEBVTT\n\n"

    def format(self, cue: Cue) -> str:
        return f"{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n{escape(cue.text, quote=False)}\n\n"
