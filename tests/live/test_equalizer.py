"""Speech is brought nearer to the spectrum of a training, whatever its channel."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import CheckpointError
from s2t2_live.live.equalizer import BAND_SHAPES, BANDS, FEW, LIMIT, SHARE, Equalizer, interpolated, long_term_spectrum

SPEECH = soundfile.read(min(asset("recordings").glob("*.flac")), dtype="float32")[0]


def tilted(samples: np.ndarray, decibels: float) -> np.ndarray:
    """Louder by so much at 8 kHz than at 0 Hz."""
    spectrum = np.fft.rfft(samples)
    return np.fft.irfft(spectrum * 10 ** (np.linspace(0, decibels, len(spectrum)) / 20), len(samples)).astype(
        np.float32
    )


def test_the_spectrum_is_of_the_channel_and_not_of_the_level_or_the_pauses() -> None:
    spectrum, frames = long_term_spectrum(SPEECH)
    assert spectrum.shape == (BANDS,)
    assert spectrum.mean() == pytest.approx(0, abs=1e-9)
    padded = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), 0.1 * SPEECH, np.zeros(SAMPLE_RATE, np.float32)])
    quieter, as_many = long_term_spectrum(padded)
    assert quieter == pytest.approx(spectrum, abs=0.5)
    assert abs(as_many - frames) <= 2
    bright, _ = long_term_spectrum(tilted(SPEECH, 20))
    assert bright[-1] - bright[0] == pytest.approx(spectrum[-1] - spectrum[0] + 19, abs=3)


def test_a_channel_is_evened_out_in_part() -> None:
    reference, frames = long_term_spectrum(SPEECH)
    equalizer = Equalizer(reference)
    assert equalizer(SPEECH) == pytest.approx(SPEECH, abs=1e-3)
    dull = tilted(SPEECH, -10)
    before, after = (long_term_spectrum(x)[0] - reference for x in (dull, equalizer(dull)))
    left = 1 - SHARE * frames / (frames + FEW)
    assert after == pytest.approx(left * before, abs=0.7)


def test_little_speech_changes_little() -> None:
    equalizer = Equalizer(np.linspace(-5, 5, BANDS))
    short = SPEECH[8_000:10_000]
    _, frames = long_term_spectrum(short)
    assert 0 < frames < FEW / 2
    shift = 20 * np.log10(np.abs(np.fft.rfft(equalizer(short))) / np.abs(np.fft.rfft(short)))
    assert np.median(np.abs(shift)) < SHARE * LIMIT / 3


def test_no_band_is_changed_beyond_the_limit() -> None:
    size = 2 * SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    equalizer = Equalizer(np.linspace(-80, 80, BANDS))
    gain = 20 * np.log10(np.abs(np.fft.rfft(equalizer(noise))) / np.abs(np.fft.rfft(noise)))
    assert abs(np.median(gain[100:300]) + LIMIT) < 1
    assert abs(np.median(gain[-300:]) - LIMIT) < 1


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.float32), np.ones(100, np.float32), np.zeros(1, np.float32)])
def test_what_has_no_speech_stays_as_it_is(samples: np.ndarray) -> None:
    after = Equalizer(np.linspace(-5, 5, BANDS))(samples)
    assert after.dtype == np.float32
    assert after == pytest.approx(samples, abs=1e-6)


def test_the_spectrum_of_a_training_is_the_mean_of_its_utterances(tmp_path: Path) -> None:
    """White noise and noise that is louder by 12 dB in its upper half; what lies below the voice does not count."""
    white = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    spectrum = np.fft.rfft(white)
    spectrum[8_000:] *= 4
    hum = 2 * np.sin(2 * np.pi * 10 * np.arange(32_000) / SAMPLE_RATE)
    measured = Equalizer.measured([(white + hum).astype(np.float32), np.fft.irfft(spectrum).astype(np.float32)])
    levels = measured.reference - 10 * np.log10(BAND_SHAPES.sum(axis=1))
    assert levels[-1] - levels[4] == pytest.approx(6, abs=1)
    assert levels[4] - levels[0] == pytest.approx(0, abs=2)
    measured.save(tmp_path)
    loaded = Equalizer.load(tmp_path)
    assert loaded is not None
    assert loaded.reference == pytest.approx(measured.reference, abs=0.006)


def test_gains_between_the_bands_are_interpolated() -> None:
    gains = np.array([np.linspace(-5, 5, BANDS), np.ones(BANDS)])
    hertz = np.linspace(0, SAMPLE_RATE / 2, 1000)
    first, second = interpolated(gains, hertz)
    assert (first[0], first[-1]) == (-5, 5)
    assert (np.diff(first) >= 0).all()
    assert np.abs(np.diff(first)).max() < 0.1
    assert (second == 1).all()


def test_a_checkpoint_brings_its_spectrum(tmp_path: Path) -> None:
    assert Equalizer.load(tmp_path) is None
    (tmp_path / "spectrum.json").write_text(str({"decibels": list(range(BANDS))}).replace("'", '"'), encoding="utf-8")
    loaded = Equalizer.load(tmp_path)
    assert loaded is not None
    assert loaded.reference.tolist() == list(range(BANDS))


@pytest.mark.parametrize("text", ["{}", '{"decibels": 3}', '{"decibels": [1, 2]}', '{"decibels": "loud"}', "[]", "{"])
def test_a_broken_spectrum_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "spectrum.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"spectrum\.json"):
        Equalizer.load(tmp_path)
