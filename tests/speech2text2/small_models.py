"""A tiny encoder-decoder of random weights, and what it says to random audio."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from s2t2_live import (
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 4],
    "conv_stride": [5, 4],
    "num_conv_pos_embeddings": 6,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
DECODER: dict[str, Any] = {
    "vocab_size": 30,
    "d_model": 12,
    "decoder_layers": 2,
    "decoder_ffn_dim": 20,
    "decoder_attention_heads": 2,
    "max_target_positions": 10,
    "tie_word_embeddings": False,
}


def small_model(encoder: dict[str, Any] | None = None, **decoder: Any) -> SpeechEncoderDecoderModel:
    torch.manual_seed(0)
    parts = {
        "encoder": Wav2Vec2Model(Wav2Vec2Config(**{**SMALL, **(encoder or {})})),
        "decoder": Speech2Text2ForCausalLM(Speech2Text2Config(**{**DECODER, **decoder})),
    }
    model = SpeechEncoderDecoderModel(**parts).eval()
    model.config.pad_token_id = 1
    model.config.decoder_start_token_id = 2
    with torch.no_grad():
        model.decoder.get_decoder().embed_tokens.weight.mul_(20)
        if not decoder.get("tie_word_embeddings"):
            model.decoder.lm_head.weight.mul_(20)
    return model


def audio(rows: int = 2, samples: int = 900) -> Tensor:
    return torch.randn(rows, samples, generator=torch.Generator().manual_seed(5))


def logits(model: SpeechEncoderDecoderModel, **named: Any) -> Tensor:
    with torch.no_grad():
        return model(inputs=audio(), decoder_input_ids=torch.tensor([[2, 4, 5], [2, 9, 8]]), **named).logits
