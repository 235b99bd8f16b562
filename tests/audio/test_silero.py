"""The Silero detector, with its real network: speech in noise, its state, and what happens without the package."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.segmenter import SegmentEnded, Segmenter, SegmenterSettings
from s2t2_live.audio.vad import VoiceDetector, make_detector
from s2t2_live.errors import UsageError


@pytest.fixture(scope="module")
def network() -> VoiceDetector:
    pytest.importorskip("silero_vad", reason="silero-vad is not installed: pip install silero-vad")
    return make_detector("silero")


@pytest.fixture
def detector(network: VoiceDetector) -> VoiceDetector:
    network.reset()
    return network


def decisions(signal: np.ndarray, detector: VoiceDetector) -> np.ndarray:
    size = detector.frame
    pieces = signal.astype(np.float32)[: len(signal) - len(signal) % size].reshape(-1, size)
    return np.array([detector.is_speech(piece) for piece in pieces])


def test_noise_and_tones_are_no_speech(detector: VoiceDetector) -> None:
    seconds = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0, 0.1, len(seconds))
    for signal in (np.zeros_like(seconds), noise, 0.2 * np.sin(2 * np.pi * 1_000 * seconds)):
        assert decisions(signal, detector).mean() < 0.02


def test_speech_in_noise_is_found(detector: VoiceDetector) -> None:
    """Three sentences with a second between them, in noise 5 dB below the speech."""
    speech, rate = soundfile.read(asset("recordings/hotel.flac"), dtype="float32")
    assert rate == SAMPLE_RATE
    speech = np.concatenate([speech, np.zeros(SAMPLE_RATE, dtype=np.float32)])
    loudness = np.sqrt(np.mean(np.square(speech[np.abs(speech) > 0.01])))
    noise = np.random.default_rng(0).normal(0, loudness * 10 ** (-5 / 20), len(speech))
    segmenter = Segmenter(detector, SegmenterSettings())
    output = segmenter.push(AudioChunk((speech + noise).astype(np.float32), 0)) + segmenter.flush()
    found = [item for item in output if isinstance(item, SegmentEnded)]
    assert len(found) == 3
    assert all(segment.reason == "pause" for segment in found)


def test_labelled_speech(shared_audio: Path, detector: VoiceDetector) -> None:
    """The labels of the recording are for blocks of two seconds; nine frames in ten are right."""
    signal, _ = soundfile.read(shared_audio / "vad_labelled.wav", dtype="float32")
    spoken = decisions(signal[: 8 * SAMPLE_RATE], detector)
    seconds = np.arange(len(spoken)) * detector.frame / SAMPLE_RATE
    labels = ((seconds >= 0.38) & (seconds < 2.7)) | ((seconds >= 4.1) & (seconds < 5.88))
    assert (spoken == labels).mean() > 0.9


def test_reset_forgets_the_stream(detector: VoiceDetector) -> None:
    speech, _ = soundfile.read(asset("recordings/hotel.flac"), dtype="float32")
    first = decisions(speech, detector)
    assert first.any()
    detector.reset()
    np.testing.assert_array_equal(decisions(speech, detector), first)


def test_long_silence_is_forgotten(detector: VoiceDetector) -> None:
    """So that what follows does not depend on how long the stream has been silent."""
    speech, _ = soundfile.read(asset("recordings/hotel.flac"), dtype="float32")
    first = decisions(speech, detector)
    detector.reset()
    silence = np.zeros(round(5.0 * SAMPLE_RATE / detector.frame) * detector.frame)
    assert not decisions(silence, detector).any()
    np.testing.assert_array_equal(decisions(speech, detector), first)


def test_torch_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing silero_vad sets them to one for the whole process."""
    pytest.importorskip("silero_vad", reason="silero-vad is not installed: pip install silero-vad")
    for name in [name for name in sys.modules if name.partition(".")[0] == "silero_vad"]:
        monkeypatch.delitem(sys.modules, name)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        make_detector("silero")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_without_the_package_the_user_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(UsageError, match="pip install silero-vad"):
        make_detector("silero")
