"""Augmentation of waveforms."""

import numpy as np
import pytest
import torch

from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.training.augmentation import Augmentation, AugmentationSettings, normalize

OFF = AugmentationSettings(equalizer=0, reverberation=0, telephone=0, noise=0, clipping=0, companding=0, dropout=0)


@pytest.fixture
def audio() -> tuple[torch.Tensor, torch.Tensor]:
    time = torch.arange(16_000) / 16_000
    waves = torch.stack([torch.sin(2 * torch.pi * hertz * time) for hertz in (200.0, 1000.0, 6000.0)]) * 0.3
    lengths = torch.tensor([16_000, 16_000, 9_000])
    waves[2, 9_000:] = 0
    return waves, lengths


def change(settings: AugmentationSettings, audio: tuple[torch.Tensor, torch.Tensor], **kwargs: float) -> torch.Tensor:
    torch.manual_seed(0)
    return Augmentation(settings)(*audio, torch.Generator().manual_seed(1), **kwargs)


def test_nothing_chosen_changes_nothing(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert torch.allclose(change(OFF, audio), audio[0], atol=1e-5)


def test_strength_zero_changes_nothing(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert torch.allclose(change(AugmentationSettings(), audio, strength=0.0), audio[0], atol=1e-5)


def test_same_generator_same_result_and_padding_stays_zero(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    everything = AugmentationSettings(1, 4.0, 1, 0.5, 1, (5, 10), 0.5, 0.5, 0.5)
    first = change(everything, audio)
    assert torch.equal(first, change(everything, audio))
    assert first.isfinite().all()
    assert not first[2, 9_000:].any()
    assert not torch.allclose(first[2, :9_000], audio[0][2, :9_000], atol=0.05)


def test_noise_has_the_asked_ratio(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    noisy = AugmentationSettings(0, 0, 0, 0, 1, (10.0, 10.0), 0, 0, 0)
    noise = (change(noisy, audio) - audio[0])[:2]
    ratio = 10 * torch.log10(audio[0][:2].square().mean(1) / noise.square().mean(1))
    assert ratio.tolist() == pytest.approx([10.0, 10.0], abs=0.5)


def test_telephone_removes_what_lies_outside_its_band(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    telephone = AugmentationSettings(0, 0, 0, 1, 0, (1, 1), 0, 0, 0)
    before, after = audio[0].std(1), change(telephone, audio).std(1)
    assert after[1] > 0.9 * before[1]
    assert after[2] < 0.01 * before[2]


def test_normalize_is_the_feature_extractor(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    waves, lengths = audio
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    arrays = [wave[:length].numpy() for wave, length in zip(waves, lengths.tolist(), strict=True)]
    expected = extractor(arrays, sampling_rate=16_000, padding=True, return_tensors="np").input_values
    assert np.allclose(normalize(waves, lengths).numpy(), expected, atol=1e-4)
