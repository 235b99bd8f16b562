"""Training hears what the live engine hears."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s2t2_live.assets import asset
from s2t2_live.audio.high_pass import high_pass
from s2t2_live.live.equalizer import BANDS, SHARE, Equalizer, long_term_spectrum
from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.training.ears import SHARES, Ears, long_term_spectra

EXTRACTOR = Wav2Vec2FeatureExtractor()
EQUALIZER = Equalizer(np.linspace(12, -12, BANDS))


def recordings() -> list[np.ndarray]:
    """Of the shipped ones a whole one, the beginning of another, and less than one frame."""
    first, second, third = (
        soundfile.read(path, dtype="float32")[0] for path in sorted(asset("recordings").glob("*.flac"))[:3]
    )
    return [first + np.float32(0.1), second[:12_000], third[8_000:8_300]]


def batch(waves: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(wave) for wave in waves])
    audio = torch.zeros(len(waves), int(lengths.max()))
    for row, wave in zip(audio, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(wave)
    return audio, lengths


@pytest.mark.parametrize("equalizer", [None, EQUALIZER])
def test_batches_sound_as_they_do_live(equalizer: Equalizer | None) -> None:
    waves = recordings()
    heard = Ears(equalizer)(*batch(waves)).numpy()
    for row, wave in zip(heard, waves, strict=True):
        live = high_pass(wave) if equalizer is None else equalizer(high_pass(wave))
        live = EXTRACTOR(live, sampling_rate=16_000).input_values[0]
        assert row[: len(wave)] == pytest.approx(live, abs=2e-3)
        assert not row[len(wave) :].any()


def test_the_spectra_are_those_of_each_utterance_alone() -> None:
    waves = [*recordings(), np.zeros(20_000, np.float32)]
    levels, frames = long_term_spectra(*batch(waves))
    for level, count, wave in zip(levels, frames, waves, strict=True):
        spectrum, expected = long_term_spectrum(wave)
        assert level.numpy() == pytest.approx(spectrum, abs=1e-2)
        assert int(count) == expected


def test_training_draws_how_much_is_evened_out() -> None:
    audio, lengths = batch(recordings()[:1] * 40)
    ears = Ears(EQUALIZER)
    drawn = ears(audio, lengths, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, ears(audio, lengths, torch.Generator().manual_seed(1)))
    tilts = (long_term_spectra(drawn, lengths)[0] @ torch.linspace(1, -1, BANDS)).sort().values
    low, high = SHARES
    assert low < SHARE < high
    assert tilts[-1] - tilts[0] > 10  # of a sum over all bands
    untouched, always = (
        float((long_term_spectra(e(audio, lengths), lengths)[0] @ torch.linspace(1, -1, BANDS))[0])
        for e in (Ears(), ears)
    )
    assert untouched > tilts[-1] > always > tilts[0]


def test_audio_of_less_than_a_frame_is_heard(tmp_path: Path) -> None:
    heard = Ears(EQUALIZER)(torch.ones(2, 100), torch.tensor([100, 50]))
    assert heard.shape == (2, 100)
    assert bool(torch.isfinite(heard).all())
