"""A tiny checkpoint with random weights, and translators, for the tests of the live engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from s2t2_live import (
    Speech2Text2Config,
    Speech2Text2Processor,
    Speech2Text2Tokenizer,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
)
from tests.live.translators import Bench

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "der", "Zug", "fährt", "Bahn@@", "hof", "zum", ",", ".", "?", "'", "heute"]


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        Wav2Vec2Config(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(8, 8),
            conv_kernel=(400, 3),
            conv_stride=(160, 2),
            feat_extract_norm="layer",
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
        ),
        Speech2Text2Config(
            vocab_size=len(PIECES),
            d_model=16,
            decoder_layers=2,
            decoder_attention_heads=2,
            decoder_ffn_dim=32,
            max_target_positions=64,
            tie_word_embeddings=False,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
        ),
        decoder_start_token_id=2,
        pad_token_id=1,
        eos_token_id=2,
    )
    model = SpeechEncoderDecoderModel(config)
    with torch.no_grad():
        # Initial weights are so small that every hypothesis is the same.
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    model.save_pretrained(folder)
    vocabulary = folder / "vocabulary.json"
    vocabulary.write_text(json.dumps({piece: index for index, piece in enumerate(PIECES)}), encoding="utf-8")
    Speech2Text2Processor(
        Wav2Vec2FeatureExtractor(return_attention_mask=True), Speech2Text2Tokenizer(vocabulary)
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for item in made:
        item.translator.abort()
