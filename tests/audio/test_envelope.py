"""The shape of a recording follows its sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.envelope import STEP, read_envelope
from s2t2_live.errors import RecordingError


def test_each_peak_is_that_of_its_moment(tmp_path: Path) -> None:
    rate = 48_000
    loudness = np.repeat([0.1, 0.8, 0.0, 0.4], rate)
    tone = np.sin(2 * np.pi * 440 * np.arange(4 * rate) / rate)
    soundfile.write(tmp_path / "steps.wav", loudness * tone, rate)
    envelope = read_envelope(tmp_path / "steps.wav")
    assert envelope.duration == pytest.approx(4.0)
    assert len(envelope.peaks) == round(4 / STEP)
    seconds = envelope.peaks.reshape(4, -1)[:, 3:-3]
    for loudest, expected in zip(seconds.max(axis=1), (0.1, 0.8, 0.0, 0.4), strict=True):
        assert loudest == pytest.approx(expected, abs=0.02)


def test_the_last_moment_may_be_short(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.full(330, 0.5), 16_000)
    envelope = read_envelope(tmp_path / "short.wav")
    assert len(envelope.peaks) == 2
    assert envelope.duration == pytest.approx(330 / 16_000)


def test_a_file_without_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    envelope = read_envelope(tmp_path / "empty.wav")
    assert (len(envelope.peaks), envelope.duration) == (0, 0.0)


def test_a_recording_that_is_cut_off_has_the_peaks_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, np.full(5 * 16_000, 0.5), 16_000)
    path.write_bytes(path.read_bytes()[: -4 * 16_000])
    envelope = read_envelope(path)
    assert envelope.duration == pytest.approx(3.0)
    assert len(envelope.peaks) == round(3 / STEP)


def test_a_recording_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "header.wav"
    soundfile.write(path, np.full(16_000, 0.5), 16_000)
    path.write_bytes(path.read_bytes()[: -2 * 16_000])
    with pytest.raises(RecordingError, match="damaged or cut off"):
        read_envelope(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        read_envelope(tmp_path / "none.wav")
