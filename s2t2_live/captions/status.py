"""One line about a running session: how loud it is and how far the captions are behind. Knows no terminal."""

from __future__ import annotations

from s2t2_live.audio.level import Level

QUIETEST = -60.0
"""dBFS at the left end of the bar."""
WIDTH = 12
"""Characters of the bar."""


def status(level: Level, backlog: float, *, lost: bool, paused: bool = False, key: str = "") -> str:
    """`backlog` in seconds; `lost` while the source is away; `key` is what pauses and goes on, if there is one.

    In characters that every terminal has.
    """
    minutes, seconds = divmod(int(level.position), 60)
    filled = round(WIDTH * min(1.0, max(0.0, 1.0 - level.rms / QUIETEST)))
    parts = [f"{minutes:d}:{seconds:02d}", f"[{'#' * filled:.<{WIDTH}}] {level.rms:.0f} dB", f"{backlog:.1f} s behind"]
    if paused:
        parts[1] = f"paused, {key} goes on" if key else "paused"
    elif lost:
        parts[1] = "waiting for the input to come back"
    elif level.clipped:
        parts.append("too loud")
    elif level.silent:
        parts.append("digital silence")
    if key and not paused:
        parts.append(f"{key} pauses")
    return "  ".join(parts)
