"""Audio that is written while it is heard."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk, AudioGap, AudioNotice, SourceItem
from s2t2_live.audio.saving import SavingSource
from s2t2_live.errors import OutputError

NOISE = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)


@dataclass
class ItemSource:
    """A live source of these items."""

    items: list[SourceItem]
    name: str = "USB microphone"
    sample_rate: int = 48_000
    duration: float | None = None
    real_time: bool = True
    calls: str = ""

    def __iter__(self) -> Iterator[SourceItem]:
        yield from self.items

    def now(self) -> float:
        return 7.0

    def stop(self) -> None:
        self.calls += "stop "

    def pause(self) -> None:
        self.calls += "pause "

    def resume(self) -> None:
        self.calls += "resume "


ITEMS = [
    AudioChunk(NOISE[:10_000], 0),
    AudioGap(10_000, 10_000, "paused"),
    AudioNotice("It is lost.", lost=True),
    AudioGap(10_000, 50_000, "paused"),
    AudioChunk(NOISE[10_000:], 50_000),
]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".FLAC"])
def test_the_file_is_on_the_sources_clock(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    saving = SavingSource(ItemSource(ITEMS), path)
    assert list(saving) == ITEMS
    saving.close()
    written, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    expected = np.concatenate([NOISE[:10_000], np.zeros(40_000), NOISE[10_000:]])
    np.testing.assert_allclose(written, expected, atol=1 / 32_000)
    assert not saving.failed


def test_what_is_too_loud_is_cut_off(tmp_path: Path) -> None:
    saving = SavingSource(ItemSource([AudioChunk(np.array([1.5, -1.5], dtype=np.float32), 0)]), tmp_path / "a.wav")
    list(saving)
    saving.close()
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32_767, -32_768]


def test_it_is_the_source_otherwise(tmp_path: Path) -> None:
    source = ItemSource([])
    saving = SavingSource(source, tmp_path / "a.wav")
    assert (saving.name, saving.sample_rate, saving.duration, saving.real_time, saving.now()) == (
        "USB microphone",
        48_000,
        None,
        True,
        7.0,
    )
    saving.pause()
    saving.resume()
    saving.stop()
    saving.close()
    assert source.calls == "pause resume stop "


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_process_that_is_killed_leaves_a_file_that_can_be_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from s2t2_live.audio.recording import Recording\n"
        "from s2t2_live.audio.saving import SavingSource\n"
        "for chunk in SavingSource(Recording(Path(sys.argv[1]), pace='max'), Path(sys.argv[2])):\n"
        "    if chunk.end > 32_000:\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    recording = tmp_path / "noise.wav"
    soundfile.write(recording, NOISE, SAMPLE_RATE)
    subprocess.run([sys.executable, "-c", program, recording, path], check=False, timeout=120)
    file = soundfile.SoundFile(path)
    left = np.zeros(40_000, dtype=np.float32)
    with file:
        # A FLAC whose length nobody wrote ends with an error.
        length = 28_000
        left = file.read(length, dtype="float32")
    np.testing.assert_allclose(left, NOISE[:length], atol=1 / 16_000)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_source_that_gives_no_audio_replaces_nothing(tmp_path: Path, suffix: str) -> None:
    old, new = tmp_path / f"old{suffix}", tmp_path / f"new{suffix}"
    soundfile.write(old, NOISE, SAMPLE_RATE)
    before = old.read_bytes()
    for path in (old, new):
        saving = SavingSource(ItemSource([AudioNotice("It is lost.", lost=True)]), path)
        assert len(list(saving)) == 1
        saving.close()
    assert old.read_bytes() == before
    assert not new.exists()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "a.wav", tmp_path / "none" / "a.flac"):
        with pytest.raises(OutputError, match=r"cannot be written to .*: no such file or directory; choose another"):
            SavingSource(ItemSource([]), path)


def test_a_wav_file_that_can_hold_no_more_is_told_and_listening_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, samples: object) -> None:
        struct.pack("<L", 2**32)

    saving = SavingSource(ItemSource(ITEMS), tmp_path / "a.wav")
    monkeypatch.setattr("s2t2_live.audio.saving._WavWriter.write", full)
    (notice,) = [item for item in saving if isinstance(item, AudioNotice) and item not in ITEMS]
    saving.close()
    assert "4 GiB" in notice.message
    assert saving.failed


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_full_disk_is_told_once_and_ends_nothing(tmp_path: Path, suffix: str) -> None:
    chunks = [AudioChunk(NOISE, at * len(NOISE)) for at in range(5)]
    saving = SavingSource(ItemSource(list(chunks)), tmp_path / f"a{suffix}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        items = list(saving)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    saving.close()
    (notice,) = [item for item in items if isinstance(item, AudioNotice)]
    assert str(tmp_path / f"a{suffix}") in notice.message
    assert "system error" not in notice.message.lower()
    assert [item for item in items if isinstance(item, AudioChunk)] == chunks
    assert saving.failed
