"""A small random checkpoint in the layout of the published ones, for tests that need any at all."""

from __future__ import annotations

from pathlib import Path

import pytest

SENTENCES = [
    "Guten Morgen , wie geht es dir heute ?",
    "Der Zug nach München fährt um halb neun ab .",
    "Können Sie mir bitte sagen , wo die nächste Apotheke ist ?",
    "Die Straße ist gesperrt , weil ein großer Baum umgestürzt ist .",
    "Ich möchte zwei Brötchen und einen Kaffee .",
]


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with config, weights, tokenizer and feature extractor, whose outputs vary with its input."""
    import torch

    from s2t2_live import (
        Speech2Text2Config,
        Speech2Text2ForCausalLM,
        Speech2Text2Processor,
        Speech2Text2Tokenizer,
        SpeechEncoderDecoderModel,
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Model,
    )
    from s2t2_live.training.bpe import save_vocabulary

    folder = tmp_path_factory.mktemp("checkpoint")
    vocab_size = save_vocabulary(folder, SENTENCES * 2, merges=60)
    tokenizer = Speech2Text2Tokenizer(folder / "vocab.json", merges_file=folder / "merges.txt")
    Speech2Text2Processor(Wav2Vec2FeatureExtractor(return_attention_mask=True), tokenizer).save_pretrained(folder)
    torch.manual_seed(11)
    encoder = Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, conv_dim=(16,) * 7,
            feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True, num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4, mask_time_length=2,
        )
    )  # fmt: skip
    decoder = Speech2Text2ForCausalLM(
        Speech2Text2Config(
            vocab_size=vocab_size, d_model=24, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=48,
            tie_word_embeddings=False, max_target_positions=100,
        )
    )  # fmt: skip
    model = SpeechEncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.decoder_start_token_id = tokenizer.eos_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.eos_token_id = tokenizer.eos_token_id
    with torch.no_grad():  # small random weights would say the same to everything
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and "embed_positions" not in name:
                parameter.mul_(6.0)
    model.save_pretrained(folder)
    return folder
