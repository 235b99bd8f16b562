"""Audio on disk comes back as it was, in a file that does not grow."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2t2_live.errors import AudioError
from s2t2_live.live import spool as spool_module
from s2t2_live.live.spool import Span, Spool, WaitingAudio

LIMIT = 0.01
"""Seconds; 160 samples."""


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), st.booleans()), max_size=60))
def test_what_is_read_is_what_was_written(script: list[tuple[int, bool]]) -> None:
    spool = Spool(LIMIT)
    waiting: list[tuple[Span, np.ndarray]] = []
    written = 0
    for length, release in script:
        samples = np.arange(written, written + length, dtype=np.float32)
        if sum(len(kept) for _, kept in waiting) + length <= 160:
            waiting.append((spool.write(samples), samples))
            written += length
        else:
            with pytest.raises(AudioError, match="waiting for the model"):
                spool.write(samples)
        if release and waiting:
            spool.release(waiting.pop(0)[0])
        for span, kept in waiting:
            np.testing.assert_array_equal(spool.read(span), kept)
        assert spool.waiting == pytest.approx(sum(len(kept) for _, kept in waiting) / 16_000)
        if spool._file is not None:
            assert spool._file.seek(0, 2) <= 160 * 4
    spool.close()


def test_a_disk_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spool_module.tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(AudioError, match="cannot be written to disk: No such file"):
        Spool(1.0).write(np.zeros(10, dtype=np.float32))


def test_what_was_dropped_cannot_be_read() -> None:
    spool = Spool(1.0)
    span = spool.write(np.zeros(10, dtype=np.float32))
    spool.close()
    assert spool.waiting == 0.0
    with pytest.raises(AudioError, match="dropped"):
        spool.read(span)


def test_a_file_that_was_cut_off() -> None:
    spool = Spool(1.0)
    span = spool.write(np.zeros(10, dtype=np.float32))
    assert spool._file is not None
    spool._file.truncate(12)
    with pytest.raises(AudioError, match="cannot be read back"):
        spool.read(span)
    spool.close()


def test_a_segment_partly_on_disk() -> None:
    spool = Spool(1.0)
    audio = WaitingAudio(spool)
    assert len(audio.samples(10)) == 0
    for start, to_disk in ((0, False), (100, False), (200, True), (300, False), (400, True)):
        audio.append(np.arange(start, start + 100, dtype=np.float32), to_disk=to_disk)
        assert audio.length == start + 100
        np.testing.assert_array_equal(audio.samples(1_000), np.arange(start + 100))
    np.testing.assert_array_equal(audio.samples(250), np.arange(250))
    assert spool.waiting == pytest.approx(200 / 16_000)
    audio.release()
    assert spool.waiting == 0.0
    spool.close()
