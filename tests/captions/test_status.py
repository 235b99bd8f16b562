"""The line about a running session."""

from __future__ import annotations

import pytest

from s2t2_live.audio.level import Level
from s2t2_live.captions.status import status


@pytest.mark.parametrize(
    ("level", "backlog", "lost", "text"),
    [
        (Level(), 0.0, False, "0:00  [............] -100 dB  0.0 s behind"),
        (Level(-30.0, -20.0, position=75.9), 0.42, False, "1:15  [######......] -30 dB  0.4 s behind"),
        (Level(0.0, 0.0, clipped=True, position=3_600.0), 12.0, False,
         "60:00  [############] 0 dB  12.0 s behind  too loud"),
        (Level(silent=True, position=5.0), 0.0, False, "0:05  [............] -100 dB  0.0 s behind  digital silence"),
        (Level(-30.0, -20.0, position=9.0), 3.0, True, "0:09  waiting for the input to come back  3.0 s behind"),
    ],
)  # fmt: skip
def test_status(level: Level, backlog: float, lost: bool, text: str) -> None:
    assert status(level, backlog, lost=lost) == text


def test_the_key_that_pauses() -> None:
    level = Level(-30.0, -20.0, position=75.9)
    running = status(level, 0.4, lost=False, key="space")
    assert running == "1:15  [######......] -30 dB  0.4 s behind  space pauses"
    paused = status(level, 0.4, lost=True, paused=True, key="space")
    assert paused == "1:15  paused, space goes on  0.4 s behind"
