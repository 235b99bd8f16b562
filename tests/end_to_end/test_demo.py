"""The demonstration as `make demo` runs it, apart from the speed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from s2t2_live.training.recordings import Recording

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("demo_model")]


def test_every_recording_is_heard_and_measured(
    run_demo: Callable[..., subprocess.CompletedProcess[str]], recordings: dict[Path, Recording]
) -> None:
    done = run_demo("--speed", "max")
    assert done.returncode == 0, done.stderr
    for path, row in recordings.items():
        assert done.stdout.count(path.name) == 2
        assert row.english in done.stdout
    assert f" of {len(recordings)} recordings word for word" in done.stdout
    for figure in ("BLEU ", "Lag behind the end of speech: median ", "Real-time factor "):
        assert done.stdout.count(figure) == 1
