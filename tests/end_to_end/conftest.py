"""Runs the command in a process of its own, as a user would, with an empty home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 240
"""Seconds after which a process hangs; no measure of speed."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user without settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("S2T2_LIVE_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")} | more


def run_module(home: Path, module: str, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end in `home`; `more` goes into the environment."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=home,
        env=environment(home, **more),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home, and the folder that the command runs in."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def run(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, run to its end."""
    return partial(run_module, home, "s2t2_live")


@pytest.fixture(scope="session")
def run_demo(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The demonstration, run to its end."""
    return partial(run_module, home, "s2t2_live.evaluation.demo")


@pytest.fixture(scope="session")
def start(home: Path) -> Callable[..., AbstractContextManager[subprocess.Popen[str]]]:
    """The command, begun, behind the words of `before`; its output in pipes unless told otherwise."""

    @contextmanager
    def begin(*arguments: str | Path, before: Sequence[str] = (), **options: Any) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "s2t2_live", *map(str, arguments)],
            cwd=home,
            env=environment(home, TERM="xterm"),
            encoding="utf-8",
            # Where the tests run in the background, Ctrl-C is ignored, and the command would inherit that.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )
        hangs = Timer(TIMEOUT, process.kill)
        hangs.start()
        with process:
            yield process
        hangs.cancel()

    return begin


def write_tone(
    path: Path, seconds: float, *, rate: int = 16_000, channels: int = 1, level: float = 0.5, **format: str
) -> Path:
    """A recording of a tone, or of silence."""
    time = np.arange(round(seconds * rate)) / rate
    samples = np.repeat(level * np.sin(2 * np.pi * 440 * time)[:, None], channels, axis=1)
    soundfile.write(path, samples, rate, **format)
    return path


@pytest.fixture(scope="session")
def tone() -> Callable[..., Path]:
    """Writes a recording that holds no speech."""
    return write_tone
