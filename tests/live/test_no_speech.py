"""The engine with the shipped checkpoint says nothing about sounds in which nobody speaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.evaluation.quality import Heard
from s2t2_live.evaluation.sounds import SOUNDS
from s2t2_live.live.session import EngineSettings, Session
from s2t2_live.live.translation import SpeechTranslationModel

SECONDS = 12
TIMEOUT = 300.0


@pytest.fixture(scope="module")
def model(demo_model: Path) -> SpeechTranslationModel:
    return SpeechTranslationModel.load(str(demo_model), device="cpu", precision="fp32", threads=1, offline=True)


def heard(model: SpeechTranslationModel, path: Path, samples: NDArray[np.float32]) -> Heard:
    """What a session with the default settings shows of the sound."""
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    sink = Heard()
    session = Session(Recording(path, pace="max"), model, settings=EngineSettings(), sinks=[sink])
    session.start()
    assert session.wait(TIMEOUT)
    assert session.error is None
    return sink


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUNDS)
def test_made_sounds(model: SpeechTranslationModel, tmp_path: Path, name: str) -> None:
    sound = heard(model, tmp_path / "sound.wav", SOUNDS[name](SECONDS * SAMPLE_RATE))
    assert sound.shown == []
    if name == "tones":
        assert sound.finals, "the voice detector let nothing through: this test proves nothing any more"


@pytest.mark.slow
def test_real_noise(model: SpeechTranslationModel, tmp_path: Path, shared_audio: Path) -> None:
    noise, rate = soundfile.read(shared_audio / "noise_1.wav", dtype="float32")
    assert rate == SAMPLE_RATE
    assert heard(model, tmp_path / "sound.wav", noise[: SECONDS * SAMPLE_RATE]).shown == []


@pytest.mark.slow
def test_speech_between_sounds_has_its_caption(
    model: SpeechTranslationModel, tmp_path: Path, recordings: dict[Path, object]
) -> None:
    speech, _ = soundfile.read(min(recordings), dtype="float32")
    tones = SOUNDS["tones"](4 * SAMPLE_RATE)
    gap = np.zeros(SAMPLE_RATE, dtype=np.float32)
    sound = heard(model, tmp_path / "sound.wav", np.concatenate([tones, gap, speech, gap, tones]))
    alone = heard(model, tmp_path / "speech.wav", speech)
    assert sum(bool(final.text) for final in sound.finals) == sum(bool(final.text) for final in alone.finals) > 0
