"""Augmentation of waveforms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.training.augmentation import UNCHANGED, Augmentation, AugmentationSettings, normalize
from s2t2_live.training.codecs import CODECS, Codec, coded


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
    assert torch.allclose(change(UNCHANGED, audio), audio[0], atol=1e-5)


def test_strength_zero_changes_nothing(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert torch.allclose(change(AugmentationSettings(), audio, strength=0.0), audio[0], atol=1e-5)


def test_same_generator_same_result_and_padding_stays_zero(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    everything = AugmentationSettings(
        equalizer=1, reverberation=1, telephone=0.5, noise=1, babble=0.5, tones=0.5, codec=1, dropout=0.5
    )
    first = change(everything, audio)
    assert torch.equal(first, change(everything, audio))
    assert first.isfinite().all()
    assert not first[2, 9_000:].any()
    assert not torch.allclose(first[2, :9_000], audio[0][2, :9_000], atol=0.05)


@pytest.mark.parametrize("kind", [{"babble": 0, "tones": 0}, {"babble": 1, "tones": 0}, {"babble": 0, "tones": 1}])
def test_noise_of_every_kind_has_the_asked_ratio(
    kind: dict[str, float], audio: tuple[torch.Tensor, torch.Tensor]
) -> None:
    noisy = replace(UNCHANGED, noise=1, noise_db=(10.0, 10.0), **kind)
    noise = (change(noisy, audio) - audio[0])[:2]
    ratio = 10 * torch.log10(audio[0][:2].square().mean(1) / noise.square().mean(1))
    assert ratio.tolist() == pytest.approx([10.0, 10.0], abs=0.5)


def test_babble_is_made_of_the_other_utterances(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    babble = replace(UNCHANGED, noise=1, noise_db=(0.0, 0.0), babble=1, tones=0)
    spectrum = torch.fft.rfft(change(babble, audio)[0] - audio[0][0]).abs()
    own, others = spectrum[200], spectrum[[1000, 6000]]
    assert others.max() > 20 * own


def test_a_babble_of_nobody_is_silence(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    alone = (audio[0][:1], audio[1][:1])
    assert torch.allclose(change(replace(UNCHANGED, noise=1, babble=1), alone), alone[0], atol=1e-5)


def test_a_codec_keeps_the_sound_in_its_place_and_takes_some_of_it(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    after = change(replace(UNCHANGED, codec=1), audio)
    assert 0.9 < torch.corrcoef(torch.stack((audio[0][0], after[0])))[0, 1] < 0.99999


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_every_codec_gives_a_waveform_of_the_same_length_and_place(codec: Codec) -> None:
    time = np.arange(20_001) / 16_000
    wave = (0.5 * np.sin(2 * np.pi * 440 * time) * (time % 0.4 < 0.2)).astype(np.float32)
    after = coded(wave, codec)
    assert after.shape == wave.shape
    assert after.dtype == np.float32
    assert not np.allclose(after, wave, atol=1e-3)
    assert np.corrcoef(after, wave)[0, 1] > 0.95


def test_telephone_removes_what_lies_outside_its_band(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    telephone = replace(UNCHANGED, telephone=1)
    before, after = audio[0].std(1), change(telephone, audio).std(1)
    assert after[1] > 0.9 * before[1]
    assert after[2] < 0.01 * before[2]


def test_normalize_is_the_feature_extractor(audio: tuple[torch.Tensor, torch.Tensor]) -> None:
    waves, lengths = audio
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    arrays = [wave[:length].numpy() for wave, length in zip(waves, lengths.tolist(), strict=True)]
    expected = extractor(arrays, sampling_rate=16_000, padding=True, return_tensors="np").input_values
    assert np.allclose(normalize(waves, lengths).numpy(), expected, atol=1e-4)


def test_a_room_has_the_asked_ratio_and_time() -> None:
    click = torch.zeros(1, 16_000)
    click[0, 0] = 1.0
    room = replace(UNCHANGED, reverberation=1, reverberation_time=(0.4, 0.4), direct_db=(3.0, 3.0))
    heard = change(room, (click, torch.tensor([16_000])))[0]
    energy = heard.square()
    assert heard[0] == pytest.approx(1.0, abs=1e-4)
    assert 10 * torch.log10(energy[0] / energy[1:].sum()) == pytest.approx(3.0, abs=0.1)
    left = [10 * torch.log10(energy[int(at * 16_000) :].sum() / energy[1:].sum()) for at in (0.1, 0.2)]
    assert left == pytest.approx([-15.0, -30.0], abs=3.0)
    assert energy[1:32].sum() < 1e-8, "the first reflection comes 2 ms after the direct sound or later"
    early = heard[192:2_000] / energy[192:2_000].mean().sqrt()
    assert early.pow(4).mean() > 6, "reflections are sparse; Gaussian noise would give 3"


def test_high_frequencies_die_away_first() -> None:
    """Of most rooms; of some they decay nearly as slowly as low ones."""
    clicks = torch.zeros(100, 8_000)
    clicks[:, 0] = 1.0
    room = replace(UNCHANGED, reverberation=1, reverberation_time=(0.4, 0.4), direct_db=(-10.0, -10.0))
    heard = change(room, (clicks, torch.full((100,), 8_000)))
    parts = (heard[:, 200:2_200], heard[:, 3_000:5_000])
    early, late = (torch.fft.rfft(part).abs().square() for part in parts)
    fallen = {}
    for name, low, high in (("low", 0, 400), ("high", 5_000, 8_000)):
        bins = slice(low // 8, high // 8)
        fallen[name] = 10 * torch.log10(early[:, bins].sum(1) / late[:, bins].sum(1))
    assert fallen["low"].median() == pytest.approx(60 * 2_800 / 16_000 / 0.4, abs=2.0)
    assert ((fallen["high"] - fallen["low"]) > 5).float().mean() > 0.6


def test_short_and_long_rooms_are_as_frequent() -> None:
    """Half of the times are below the geometric mean of the range, which 15 dB in 0.16 s tell from those above."""
    clicks = torch.zeros(200, 8_000)
    clicks[:, 0] = 1.0
    room = replace(UNCHANGED, reverberation=1, reverberation_time=(0.1, 1.6), direct_db=(0.0, 0.0))
    energy = change(room, (clicks, torch.full((200,), 8_000))).square()
    left = 10 * torch.log10(energy[:, 1_600:].sum(1) / energy[:, 1:].sum(1))
    assert 70 < (left < -15).sum() < 130
