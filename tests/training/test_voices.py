"""The synthetic voices."""

import random
import sys

import numpy as np
import pytest

from s2t2_live.training.voices import (
    PICO_VOICES,
    RESERVED_VOICES,
    TRAINING_VOICES,
    SynthesisError,
    Utterance,
    Voice,
    is_installed,
    random_delivery,
    speak,
    trim_silence,
)

needs_espeak = pytest.mark.skipif(not is_installed("espeak-ng"), reason="espeak-ng is not installed")


def test_reserved_voices_are_not_heard_in_training() -> None:
    assert {str(voice) for voice in RESERVED_VOICES} == {
        "flite:rms",
        "festival:ked_diphone",
        "espeak-ng:en-gb-scotland",
    }
    assert not {voice.name for voice in TRAINING_VOICES} & {voice.name for voice in RESERVED_VOICES}


def test_silence_is_trimmed_from_both_ends() -> None:
    tone = np.sin(np.arange(8_000) / 10).astype(np.float32)
    padded = np.concatenate([np.zeros(16_000, np.float32), tone, np.zeros(12_000, np.float32)])
    assert len(tone) <= len(trim_silence(padded)) <= len(tone) + 2_000


@pytest.mark.parametrize("voice", [*TRAINING_VOICES, *RESERVED_VOICES], ids=str)
def test_voice_speaks(voice: Voice) -> None:
    if not is_installed(voice.engine):
        pytest.skip(f"{voice.engine} is not installed")
    texts = ["Good morning.", "Where can I buy a ticket to London tomorrow?"]
    short, long = speak([random_delivery(voice, text, random.Random(3)) for text in texts])
    assert short.dtype == np.int16
    assert 0.3 < len(short) / 16_000 < 2.0
    assert len(long) > 1.5 * len(short)
    assert 20_000 < np.abs(long).max() < 26_000


@needs_espeak
def test_slower_speech_is_longer() -> None:
    voice = Voice("espeak-ng", "en-us")
    fast, slow = speak([Utterance(voice, "I would like to pay.", stretch=stretch) for stretch in (0.8, 1.25)])
    assert len(slow) > 1.3 * len(fast)


@needs_espeak
def test_a_longer_vocal_tract_lowers_the_formants_and_keeps_the_pace() -> None:
    voice = Voice("espeak-ng", "en-us")
    own, longer = speak([Utterance(voice, "I would like to pay.", tract=tract) for tract in (1.0, 1.25)])
    assert len(longer) == pytest.approx(len(own), rel=0.1)
    # The frequency below which nine tenths of the energy lie.
    shares = [np.cumsum(np.abs(np.fft.rfft(samples)) ** 2) for samples in (own, longer)]
    centres = [np.searchsorted(share, 0.9 * share[-1]) / len(share) for share in shares]
    assert centres[1] < 0.9 * centres[0]


def test_without_pico_its_voices_are_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ttspico", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SynthesisError, match=r"pip install 's2t2-live\[pico\]'"):
        speak([Utterance(PICO_VOICES[0], "Hello.")])


@needs_espeak
def test_a_missing_voice_is_a_clear_error() -> None:
    with pytest.raises(
        SynthesisError, match=r"espeak-ng:xx-nowhere failed.* exist; .*: sudo apt-get install -y espeak-ng"
    ):
        speak([Utterance(Voice("espeak-ng", "xx-nowhere"), "Hello.")])
