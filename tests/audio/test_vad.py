"""The WebRTC detector behind its noise floor: what is speech and what only sounds like it to WebRTC."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.vad import DETECTORS, NoiseFloor, WebRtcDetector, level, make_detector
from s2t2_live.errors import UsageError

SECONDS = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE


def decisions(signal: np.ndarray, detector: WebRtcDetector | None = None) -> np.ndarray:
    detector = detector or WebRtcDetector()
    size = detector.frame
    pieces = signal.astype(np.float32)[: len(signal) - len(signal) % size].reshape(-1, size)
    return np.array([detector.is_speech(piece) for piece in pieces])


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(np.zeros_like(SECONDS), id="digital silence"),
        pytest.param(np.random.default_rng(0).normal(0, 0.1, len(SECONDS)), id="white noise"),
        pytest.param(np.cumsum(np.random.default_rng(0).normal(0, 1, len(SECONDS))) * 1e-4, id="brown noise"),
        pytest.param(0.2 * np.sin(2 * np.pi * 300 * SECONDS), id="tone of 300 Hz"),
        pytest.param(0.2 * np.sin(2 * np.pi * 1_000 * SECONDS), id="tone of 1 kHz"),
        pytest.param(0.1 * np.sin(2 * np.pi * 50 * SECONDS), id="hum"),
        pytest.param(0.3 + 0.1 * np.sin(2 * np.pi * 50 * SECONDS), id="hum on a constant"),
    ],
)
def test_steady_sound_is_no_speech(signal: np.ndarray) -> None:
    assert not decisions(signal).any()


def test_noise_that_begins_is_no_speech_for_long() -> None:
    signal = np.random.default_rng(0).normal(0, 0.1, len(SECONDS))
    signal[: 2 * SAMPLE_RATE] = 0
    spoken = decisions(signal)
    assert not spoken[5 * 50 :].any(), "three seconds after it began"


def test_labelled_speech(shared_audio: Path) -> None:
    """The labels of the recording are for blocks of two seconds; nine frames in ten are right."""
    signal, rate = soundfile.read(shared_audio / "vad_labelled.wav", dtype="float32")
    assert rate == SAMPLE_RATE
    spoken = decisions(signal[: 8 * SAMPLE_RATE])
    labels = np.zeros_like(spoken)
    for start, end in ((0.38, 2.7), (4.1, 5.88)):
        labels[round(start * 50) : round(end * 50)] = True
    assert (spoken == labels).mean() > 0.9


def test_a_constant_offset_hides_no_speech(shared_audio: Path) -> None:
    signal, _ = soundfile.read(shared_audio / "vad_labelled.wav", dtype="float32")
    plain, shifted = decisions(signal), decisions(signal + 0.2)
    assert (plain == shifted).mean() > 0.9


def test_reset_forgets_the_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * SAMPLE_RATE)
    detector = WebRtcDetector()
    first = decisions(noise, detector)
    detector.reset()
    np.testing.assert_array_equal(decisions(noise, detector), first)


def test_level_is_in_decibels_below_full_scale() -> None:
    assert level(np.full(320, 0.5, dtype=np.float32)) == -100.0
    assert level(np.sin(np.linspace(0, 20 * np.pi, 3_200)).astype(np.float32)) == pytest.approx(-3.01, abs=0.02)


def test_the_floor_is_the_quietest_moment_of_its_window() -> None:
    floor = NoiseFloor(SAMPLE_RATE // 10, window=1.0, smoothing=0.1, lowest=-66.0)
    assert [floor.update(x) for x in (-20.0, -40.0, -30.0)] == [-20.0, -40.0, -40.0]
    assert [floor.update(-30.0) for _ in range(10)][-1] == -30.0, "the window has passed"
    assert floor.update(-90.0) == -66.0


def test_detectors_by_name() -> None:
    assert make_detector(DETECTORS[0]).frame > 0
    with pytest.raises(UsageError, match="silent"):
        make_detector("silent")
