"""Checkpoints that cross over: ours into transformers 4.37.2, the published shape from it, and the shipped one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

from s2t2_live import (
    HubertConfig,
    HubertModel,
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    Speech2Text2Processor,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from tests.oracle.nested import flat

pytestmark = pytest.mark.oracle

SEARCHES: list[dict[str, Any]] = [
    {"num_beams": 1},
    {"num_beams": 5},
    {"num_beams": 5, "length_penalty": 0.6, "early_stopping": True},
]


def ours(index: int) -> SpeechEncoderDecoderModel:
    """A small model that was never anywhere but here."""
    draw = random.Random(index)
    torch.manual_seed(index)
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "conv_dim": [8] * 7,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
        "feat_extract_norm": draw.choice(["layer", "group"]),
        "do_stable_layer_norm": draw.random() < 0.5,
        "mask_time_prob": draw.choice([0.0, 0.1]),
    }
    encoder = HubertModel(HubertConfig(**sizes)) if index % 3 == 0 else Wav2Vec2Model(Wav2Vec2Config(**sizes))
    tied = index % 2 == 0
    config = Speech2Text2Config(
        vocab_size=30, decoder_layers=2, decoder_ffn_dim=24, d_model=12, tie_word_embeddings=tied, scale_embedding=False
    )
    model = SpeechEncoderDecoderModel(encoder=encoder, decoder=Speech2Text2ForCausalLM(config)).eval()
    model.config.pad_token_id, model.config.decoder_start_token_id = 1, 0
    model.generation_config.max_length = 15
    with torch.no_grad():
        model.decoder.get_decoder().embed_tokens.weight.mul_(30)
        if not tied:
            model.decoder.lm_head.weight.mul_(60)
    return model


def tokens(model: SpeechEncoderDecoderModel, inputs: dict[str, Tensor], searches: list[dict[str, Any]]) -> list[Any]:
    return [model.generate(**inputs, **search).tolist() for search in searches]


def expected_tokens(results: dict[str, Tensor], searches: list[dict[str, Any]]) -> list[Any]:
    return [results[f"generate.{i}"].tolist() for i in range(len(searches))]


def named(prefix: str, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in inputs.items()}


def test_ours_load_in_the_other(oracle: Any, speech: list[Tensor], tmp_path: Path) -> None:
    rows = torch.nn.utils.rnn.pad_sequence([speech[0][:16000], speech[1][:9000]], batch_first=True)
    mask = torch.ones(rows.shape, dtype=torch.long)
    mask[1, 9000:] = 0
    inputs = {"inputs": rows, "attention_mask": mask}
    labels = torch.tensor([[5, 6, 7, 2], [8, 9, 2, -100]])
    models = [ours(index) for index in range(6)]
    described = []
    for index, model in enumerate(models):
        folder = tmp_path / str(index)
        shard = {"max_shard_size": "10KB"} if index % 3 == 1 else {}
        model.save_pretrained(folder, safe_serialization=index % 4 != 3, **shard)
        given = {**named("forward", {**inputs, "labels": labels}), **named("audio", inputs)}
        described.append({"folder": str(folder), "inputs": given, "forward": True, "generate": SEARCHES})
    for model, results in zip(models, oracle.run(described), strict=True):
        with torch.no_grad():
            output = model(**inputs, labels=labels)
        torch.testing.assert_close(output.logits, results["forward.logits"], atol=1e-4, rtol=0)
        torch.testing.assert_close(output.loss, results["forward.loss"], atol=1e-4, rtol=0)
        assert tokens(model, inputs, SEARCHES) == expected_tokens(results, SEARCHES)


@pytest.mark.parametrize("encoder", ["wav2vec2", "hubert"])
def test_parts_load_alone_and_together(encoder: str, oracle: Any, speech: list[Tensor], tmp_path: Path) -> None:
    """Encoders and decoders on their own cross over, too; without a projection, which would be drawn at random."""
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    convolutions = {"conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}
    decoder = {"vocab_size": 30, "decoder_layers": 2, "decoder_ffn_dim": 24, "d_model": 12, "pad_token_id": 1}
    options = {"encoder_layerdrop": 0.3, "decoder_use_cache": True, "pad_token_id": 1}
    given = {"forward.inputs": speech[0][None, :9000], "forward.decoder_input_ids": torch.tensor([[2, 5, 6, 7]])}
    for shown in ({}, {"output_attentions": True, "output_hidden_states": True}):
        case: dict[str, Any] = {
            "config": {
                "encoder": {"model_type": encoder, **sizes, **convolutions},
                "decoder": {**decoder, "tie_word_embeddings": not shown},
                "whole": {"pad_token_id": 1, "decoder_start_token_id": 2},
            },
            "seed": 3,
            "scale": {"embeddings": 20.0, "head": 30.0, "noise": 0.05},
            "parts": str(tmp_path / f"theirs-{len(shown)}"),
            "inputs": given,
            "tuple": shown,
        }
        (expected,) = oracle.run([case])
        folders = [f"{case['parts']}/{part}" for part in ("encoder", "decoder")]
        model = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(*folders, **options).eval()
        assert model.config.encoder.layerdrop == 0.3
        model.encoder.save_pretrained(tmp_path / f"ours-{len(shown)}" / "encoder")
        model.decoder.save_pretrained(tmp_path / f"ours-{len(shown)}" / "decoder")
        joined = {"joined": str(tmp_path / f"ours-{len(shown)}"), "options": options, "inputs": given, "tuple": shown}
        with torch.no_grad():
            arguments = {name.removeprefix("forward."): tensor for name, tensor in given.items()}
            output = model(**arguments, **shown, return_dict=False)
        assert isinstance(output, tuple)
        found = dict(flat("tuple", output))
        for results in (expected, *oracle.run([joined])):
            assert found.keys() == results.keys()
            for name, tensor in results.items():
                torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=0, msg=name)


@pytest.mark.slow
def test_published_shape(oracle: Any, speech: list[Tensor], tmp_path: Path) -> None:
    """332 million random parameters in a pickle of 4.37.2, with the weight-norm names of the published files."""
    config = {
        "encoder": {
            "model_type": "wav2vec2",
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "feat_extract_norm": "layer",
            "conv_bias": True,
            "do_stable_layer_norm": True,
        },
        "decoder": {"vocab_size": 10224, "decoder_layers": 7, "tie_word_embeddings": False, "pad_token_id": 1},
        "whole": {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2},
    }
    inputs = {"inputs": speech[3][None, :32000], "attention_mask": torch.ones(1, 32000, dtype=torch.long)}
    searches = [{"max_length": 24, **search} for search in SEARCHES]
    case = {
        "config": config,
        "seed": 7,
        "scale": {"embeddings": 5.0, "head": 30.0, "noise": 0.0},
        "save": str(tmp_path / "model"),
        "format": "old_bin",
        "inputs": named("audio", inputs),
        "generate": searches,
    }
    (results,) = oracle.run([case])
    assert "encoder.encoder.pos_conv_embed.conv.weight_g" in torch.load(
        tmp_path / "model/pytorch_model.bin", weights_only=True, mmap=True
    )
    model = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "model")
    assert model.num_parameters() > 332_000_000
    found = tokens(model, inputs, searches)
    assert found == expected_tokens(results, searches)
    assert len(set(found[0][0])) > 8


def test_shipped_checkpoint(oracle: Any, demo_model: Path, recordings: dict[Path, Any]) -> None:
    """Same token ids for every shipped recording, greedy and with five beams."""
    processor = Speech2Text2Processor.from_pretrained(demo_model)
    model = SpeechEncoderDecoderModel.from_pretrained(demo_model)
    searches: list[dict[str, Any]] = [{"num_beams": 1}, {"num_beams": 5}]
    given = []
    for path in sorted(recordings):
        samples, rate = soundfile.read(path, dtype="float32")
        features = processor(samples, sampling_rate=rate, return_tensors="pt")
        given.append({"inputs": features["input_values"], "attention_mask": features["attention_mask"]})
    cases = [{"folder": str(demo_model), "inputs": named("audio", row), "generate": searches} for row in given]
    for path, inputs, results in zip(sorted(recordings), given, oracle.run(cases), strict=True):
        assert tokens(model, inputs, searches) == expected_tokens(results, searches), path.name
