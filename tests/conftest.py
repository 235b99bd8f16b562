"""Recordings and the model that the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2t2_live.assets import asset
from s2t2_live.training.recordings import Recording, read_table

ROOT = Path(__file__).resolve().parent.parent


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
