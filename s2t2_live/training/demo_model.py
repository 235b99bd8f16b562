"""The shape of the shipped checkpoint and how its weights begin. Knows no data but a few seconds of speech.

A Wav2Vec2 encoder whose first convolution starts, and stays, a bank of mel-spaced filters, so that a small model can
learn from hours instead of months; and a Speech2Text2 decoder of four layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from s2t2_live.audio.mel import to_hertz, to_mel
from s2t2_live.speech2text2.config import Speech2Text2Config, SpeechEncoderDecoderConfig, Wav2Vec2Config
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.features import FeatureConvolution

FILTERS = 80
PHASES = 4
KERNEL = 400
"""Samples: 25 ms."""


def demo_config(vocab_size: int, *, encoder_layers: int = 9, decoder_layers: int = 4) -> SpeechEncoderDecoderConfig:
    """25 encoder states a second (one in 640 samples), width 256."""
    encoder = Wav2Vec2Config(
        hidden_size=256,
        num_hidden_layers=encoder_layers,
        num_attention_heads=4,
        intermediate_size=1024,
        hidden_dropout=0.0,
        activation_dropout=0.0,
        attention_dropout=0.0,
        feat_proj_dropout=0.0,
        layerdrop=0.0,
        feat_extract_norm="layer",
        conv_dim=(FILTERS * PHASES, 256, 256),
        conv_kernel=(KERNEL, 3, 3),
        conv_stride=(160, 2, 2),
        conv_bias=True,
        num_conv_pos_embeddings=19,
        num_conv_pos_embedding_groups=16,
        do_stable_layer_norm=True,
        mask_time_prob=0.0,
        vocab_size=32,
    )
    decoder = Speech2Text2Config(
        vocab_size=vocab_size,
        d_model=256,
        decoder_layers=decoder_layers,
        decoder_attention_heads=4,
        decoder_ffn_dim=1024,
        dropout=0.0,
        max_target_positions=256,
        is_decoder=True,
        add_cross_attention=True,
        tie_word_embeddings=True,
    )
    return SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        encoder,
        decoder,
        decoder_start_token_id=decoder.decoder_start_token_id,
        bos_token_id=decoder.bos_token_id,
        eos_token_id=decoder.eos_token_id,
        pad_token_id=decoder.pad_token_id,
        max_length=120,
        num_beams=5,
    )


def new_demo_model(
    vocab_size: int, speech: Tensor, *, encoder_layers: int = 9, seed: int = 1
) -> SpeechEncoderDecoderModel:
    """A fresh model whose first convolution is a filter bank scaled to `speech`, (samples,), of unit variance."""
    torch.manual_seed(seed)
    model = SpeechEncoderDecoderModel(demo_config(vocab_size, encoder_layers=encoder_layers))
    convolution = _filter_bank(model)
    with torch.no_grad():
        filters = mel_filters()
        response = torch.nn.functional.conv1d(speech[None, None], filters, stride=160)
        # Small outputs make the epsilon of the layer norm that follows a noise gate.
        convolution.weight.copy_(filters * (0.03 / response.std(dim=(0, 2)))[:, None, None])
        assert convolution.bias is not None
        convolution.bias.zero_()
    return freeze_filters(model)


def freeze_filters(model: SpeechEncoderDecoderModel) -> SpeechEncoderDecoderModel:
    """Keep the filter bank as it is in training."""
    for parameter in _filter_bank(model).parameters():
        parameter.requires_grad_(False)
    return model


def _filter_bank(model: SpeechEncoderDecoderModel) -> nn.Conv1d:
    first = model.encoder.feature_extractor.conv_layers[0]
    assert isinstance(first, FeatureConvolution)
    return first.conv


def mel_filters() -> Tensor:
    """Windowed cosines in four phases at mel-spaced frequencies, shape (320, 1, 400)."""
    mels = torch.linspace(float(to_mel(60)), float(to_mel(7600)), FILTERS)
    hertz = torch.from_numpy(to_hertz(mels.numpy())).float()
    time = (torch.arange(KERNEL) - KERNEL / 2) / 16_000
    phases = torch.arange(PHASES) * (2 * math.pi / PHASES)
    waves = torch.cos(2 * math.pi * hertz[:, None, None] * time + phases[None, :, None])
    return (waves * torch.hann_window(KERNEL)).flatten(0, 1)[:, None, :].contiguous()
