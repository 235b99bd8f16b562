"""Recordings, the model and the signals that the tests share, and which tests run beside which."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from s2t2_live.assets import asset
from s2t2_live.interrupts import ENDING
from s2t2_live.training.recordings import Recording, read_table

ROOT = Path(__file__).resolve().parent.parent


class InTurns(LoadFileScheduling):
    """Tests of one file in one process, in their order, as are all that wait for the sound server."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return LIVE if file.startswith(LIVE) else file


LIVE = "tests/end_to_end/live/"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InTurns:
    return InTurns(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The live tests first, which wait most of their time, then the files that take long."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not item.nodeid.startswith(LIVE), item.path not in long))


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """A folder of real recordings beside the checkout, which are not the project's own."""
    folder = ROOT.parent / "shared" / "audio"
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not at {folder}")
    return folder


def shipped(name: str) -> Path:
    try:
        return asset(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def recordings() -> dict[Path, Recording]:
    """The shipped recordings with their texts."""
    table = shipped("recordings/recordings.tsv")
    return {table.parent / row.file: row for row in read_table(table)}


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """The folder of the shipped checkpoint."""
    return shipped("demo-en-de")


@pytest.fixture
def handlers_of_a_terminal() -> Iterator[None]:
    """Those of signals, as a command finds them that was started in a terminal."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
