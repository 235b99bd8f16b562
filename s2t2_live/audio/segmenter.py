"""Cuts a stream of audio into speech segments and silence. Knows no model and no clock but the sample count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """All in seconds."""

    pre_roll: float = 0.3
    """Audio kept before the first frame of speech."""
    hangover: float = 0.2
    """Audio kept after the last frame of speech."""
    min_speech: float = 0.2
    """Speech that it takes to start a segment."""
    pause: float = 0.45
    """Silence that ends a short segment."""
    min_pause: float = 0.25
    """Silence that ends a segment close to `limit`; in between the threshold shrinks."""
    shrink_after: float = 4.0
    """Length of a segment from which on the threshold shrinks."""
    limit: float = 10.0
    """Length at which a segment is cut at the quietest point of its last `cut_window` seconds."""
    cut_window: float = 2.0
