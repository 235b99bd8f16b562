"""Random small models against transformers 4.37.2: outputs, gradients and generated tokens on real recordings."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from s2t2_live import SpeechEncoderDecoderModel
from tests.oracle.nested import flat

pytestmark = pytest.mark.oracle

MODELS = 48
FORMATS = ["safetensors", "bin", "old_bin", "sharded", "sharded_bin"]
ACTIVATIONS = ["gelu", "gelu_new", "relu", "silu", "gelu_fast", "quick_gelu", "gelu_pytorch_tanh", "mish", "tanh"]
ACTIVATIONS += ["gelu_10", "gelu_python", "gelu_accurate", "laplace", "leaky_relu", "linear", "relu2", "relu6"]
ACTIVATIONS += ["sigmoid", "swish"]
CONVOLUTIONS = [
    ([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]),
    ([400, 3, 3], [160, 2, 2]),
    ([320, 4], [320, 2]),
]
# Every model runs the first seven; of the others each runs a few.
SEARCHES: list[dict[str, Any]] = [
    {"num_beams": 1},
    *(
        {"num_beams": 5, "length_penalty": penalty, "early_stopping": early}
        for penalty in (0.6, 1.0, 1.4)
        for early in (False, True)
    ),
]
OPTIONS: list[dict[str, Any]] = [
    {"num_beams": 5, "length_penalty": 1.2, "early_stopping": "never"},
    {"num_beams": 3, "num_return_sequences": 2, "no_repeat_ngram_size": 2},
    {"repetition_penalty": 1.7, "no_repeat_ngram_size": 3},
    {"num_beams": 4, "min_length": 8, "repetition_penalty": 0.8},
    {"num_beams": 2, "min_new_tokens": 6, "length_penalty": -0.5},
    {"prefix": [[5, 6, 7], [8, 9, 10], [11, 12, 13]], "num_beams": 3},
    {"prefix": [[5, 6], [1, 9], [11, 1]], "max_new_tokens": 5},
    {"do_sample": True, "seed": 3, "temperature": 1.6, "top_k": 20, "top_p": 0.9},
    {"do_sample": True, "seed": 4, "num_return_sequences": 3, "top_k": 0, "typical_p": 0.8},
    {"do_sample": True, "seed": 5, "num_beams": 3, "top_k": 12, "temperature": 1.3},
    {"do_sample": True, "seed": 6, "epsilon_cutoff": 0.01, "eta_cutoff": 0.02, "renormalize_logits": True},
    {"num_beams": 4, "eos_token_id": [2, 7, 9], "max_length": 30},
    {"eos_token_id": [2, 5, 6, 8], "max_length": 30},
    {"num_beams": 3, "bad_words_ids": [[5], [6, 7], [8, 9, 4]], "suppress_tokens": [10, 11]},
    {"begin_suppress_tokens": [4, 5, 6, 7, 8], "forced_bos_token_id": 12},
    {"num_beams": 2, "forced_eos_token_id": 2, "exponential_decay_length_penalty": [3, 1.4]},
    {"num_beams": 5, "remove_invalid_values": True, "renormalize_logits": True, "diversity_penalty": 0.0},
]


def random_config(index: int) -> dict[str, Any]:
    """The configuration of model `index`, which says everything that is random about it."""
    draw = random.Random(index)
    heads = draw.choice([1, 2, 4])
    kernels, strides = draw.choice(CONVOLUTIONS)
    hidden = heads * draw.choice([4, 8])
    no_dropout = dict.fromkeys(("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout"), 0.0)
    encoder: dict[str, Any] = {
        "model_type": draw.choice(["wav2vec2", "wav2vec2", "hubert"]),
        "hidden_size": hidden,
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "num_attention_heads": heads,
        "intermediate_size": draw.choice([12, 24]),
        "hidden_act": draw.choice(ACTIVATIONS),
        # A square after each of seven convolutions overflows.
        "feat_extract_activation": draw.choice([name for name in ACTIVATIONS if name != "relu2"]),
        "feat_extract_norm": draw.choice(["group", "layer"]),
        "conv_bias": draw.random() < 0.5,
        "conv_dim": [draw.choice([6, 8, 12]) for _ in kernels],
        "conv_kernel": kernels,
        "conv_stride": strides,
        "num_conv_pos_embeddings": draw.choice([7, 16]),
        "num_conv_pos_embedding_groups": draw.choice([1, 2, 4]) if hidden % 4 == 0 else 1,
        "do_stable_layer_norm": draw.random() < 0.5,
        "layer_norm_eps": draw.choice([1e-5, 1e-3]),
        "apply_spec_augment": draw.random() < 0.8,
        "mask_time_prob": draw.choice([0.0, 0.3]),
        "mask_time_length": draw.choice([2, 4]),
        "mask_feature_prob": draw.choice([0.0, 0.3]),
        "mask_feature_length": 2,
        "layerdrop": draw.choice([0.0, 0.5]),
        **no_dropout,
    }
    if encoder["model_type"] == "hubert":
        encoder["feat_proj_layer_norm"] = draw.random() < 0.5
    else:
        encoder["add_adapter"] = draw.random() < 0.4
        encoder["num_adapter_layers"] = draw.choice([1, 2])
        encoder["adapter_stride"] = draw.choice([1, 2])
        if encoder["do_stable_layer_norm"] and draw.random() < 0.5:
            encoder["adapter_attn_dim"] = 5
    decoder_heads = draw.choice([1, 2, 3])
    size = draw.choice([hidden, decoder_heads * 5, decoder_heads * 8])
    if size % decoder_heads:
        decoder_heads = 1
    decoder = {
        "vocab_size": draw.choice([24, 40]),
        "decoder_layers": draw.choice([1, 2, 3]),
        "decoder_ffn_dim": draw.choice([16, 32]),
        "decoder_attention_heads": decoder_heads,
        "d_model": size,
        "activation_function": draw.choice(ACTIVATIONS),
        "scale_embedding": draw.random() < 0.5,
        "max_target_positions": draw.choice([40, 64]),
        "decoder_start_token_id": draw.choice([0, 2]),
        "decoder_layerdrop": draw.choice([0.0, 0.4]),
        "tie_word_embeddings": draw.random() < 0.25,
        "pad_token_id": 1,
        "dropout": 0.0,
    }
    whole = {"pad_token_id": 1, "eos_token_id": 2, "bos_token_id": 0}
    if draw.random() < 0.7:
        whole["decoder_start_token_id"] = draw.choice([0, 2])
    else:
        whole["decoder_start_token_id"] = decoder["decoder_start_token_id"]
    return {"encoder": encoder, "decoder": decoder, "whole": whole}


def inputs_for(config: dict[str, Any], index: int, speech: list[Tensor]) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(index)
    pick = random.Random(1000 + index)
    vocabulary, layers = config["decoder"]["vocab_size"], config["decoder"]["decoder_layers"]
    heads, size = config["decoder"]["decoder_attention_heads"], config["decoder"]["d_model"]
    rows = [
        recording[: pick.randrange(9000, 18000)] for recording in pick.sample([s for s in speech if len(s) > 18000], 3)
    ]
    audio = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row), dtype=torch.long) for row in rows], batch_first=True)
    labels = torch.randint(0, vocabulary, (3, 7), generator=draw)
    labels[1, 4:] = -100
    ids = torch.randint(0, vocabulary, (3, 6), generator=draw)
    ids[0, 4:] = 1
    seen = torch.ones(3, 6, dtype=torch.long)
    seen[0, 4:] = 0
    seen[2, :2] = 0
    frames = torch.randn(3, 9, size, generator=draw)
    frame_mask = torch.ones(3, 9, dtype=torch.long)
    frame_mask[1, 5:] = 0
    inputs = {"audio.inputs": audio, "forward.inputs": audio, "forward.labels": labels}
    if index % 5:
        inputs |= {"audio.attention_mask": mask, "forward.attention_mask": mask}
    inputs |= {
        "decoder.input_ids": ids,
        "decoder.attention_mask": seen,
        "decoder.encoder_hidden_states": frames,
        "decoder.encoder_attention_mask": frame_mask,
        "decoder.labels": ids,
        "following.input_ids": torch.randint(0, vocabulary, (3, 1 + index % 3), generator=draw),
    }
    if index % 2:
        inputs["decoder.head_mask"] = torch.rand(layers, heads, generator=draw)
        inputs["decoder.cross_attn_head_mask"] = torch.rand(layers, heads, generator=draw)
    return inputs


def searches_for(index: int) -> list[dict[str, Any]]:
    picked = random.Random(2000 + index).sample(OPTIONS, 3)
    common = {"max_length": 18, "return_dict_in_generate": True, "output_scores": True, "output_attentions": True}
    return [{**common, "output_hidden_states": i == 1, **search} for i, search in enumerate([*SEARCHES, *picked])]


class Case:
    """A model of 4.37.2 with its results, and ours loaded from the checkpoint that it wrote."""

    def __init__(self, index: int, speech: list[Tensor], folder: Path) -> None:
        self.index = index
        self.config = random_config(index)
        self.inputs = inputs_for(self.config, index, speech)
        self.searches = searches_for(index)
        self.folder = folder / f"model_{index}"
        self.results: dict[str, Tensor] = {}
        self._model: SpeechEncoderDecoderModel | None = None

    def described(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "seed": self.index,
            "scale": {"embeddings": 20.0, "head": 30.0, "noise": 0.05},
            "save": str(self.folder),
            "format": FORMATS[self.index % len(FORMATS)],
            "inputs": self.inputs,
            "forward": True,
            "decoder": True,
            "training": self.index,
            "generate": self.searches,
        }

    @property
    def model(self) -> SpeechEncoderDecoderModel:
        if self._model is None:
            self._model = SpeechEncoderDecoderModel.from_pretrained(self.folder)
        return self._model

    def arguments(self, prefix: str) -> dict[str, Tensor]:
        start = f"{prefix}."
        return {name.removeprefix(start): t for name, t in self.inputs.items() if name.startswith(start)}

    def expected(self, prefix: str) -> dict[str, Tensor]:
        return {name: t for name, t in self.results.items() if name.startswith(f"{prefix}.")}


@pytest.fixture(scope="session")
def cases(oracle: Any, speech: list[Tensor], tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("models")
    found = [Case(index, speech, folder) for index in range(MODELS)]
    for case, results in zip(found, oracle.run([case.described() for case in found]), strict=True):
        case.results = results
    return found


@pytest.fixture(params=range(MODELS))
def case(request: pytest.FixtureRequest, cases: list[Case]) -> Case:
    return cases[request.param]


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-4) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape, name
        assert found[name].dtype == tensor.dtype, name
        # Forbidden tokens have minus infinity on both sides, whose difference is not a number.
        differences = (found[name].double() - tensor.double())[found[name] != tensor].abs()
        difference = differences.max().item() if differences.numel() else 0.0
        assert difference <= tolerance, f"{name} differs by {difference}"


def test_forward(case: Case) -> None:
    with torch.no_grad():
        output = case.model(**case.arguments("forward"), output_attentions=True, output_hidden_states=True)
    assert_close(dict(flat("forward", output)), case.expected("forward"))


def test_forward_without_attentions(case: Case) -> None:
    """The fused kernels, which run when nobody asks for the attention weights."""
    with torch.no_grad():
        output = case.model(**case.arguments("forward"))
    found = dict(flat("forward", output))
    assert_close(found, {name: t for name, t in case.expected("forward").items() if name in found})


def test_decoder_with_caches_and_masks(case: Case) -> None:
    flags = {"output_attentions": True, "output_hidden_states": True, "use_cache": True}
    arguments, following = case.arguments("decoder"), case.arguments("following")
    for name in ("encoder_hidden_states", "encoder_attention_mask"):
        following[name] = arguments[name]
    with torch.no_grad():
        first = case.model.decoder(**arguments, **flags)
        second = case.model.decoder(past_key_values=first.past_key_values, **following, **flags)
    assert_close(dict(flat("decoder", first)), case.expected("decoder"))
    assert_close(dict(flat("following", second)), case.expected("following"))


def test_training(case: Case) -> None:
    """Loss and gradients in training mode, with the same random masks and dropped layers."""
    model = SpeechEncoderDecoderModel.from_pretrained(case.folder).train()
    np.random.seed(case.index)
    torch.manual_seed(case.index)
    loss = model(**case.arguments("forward")).loss
    loss.backward()
    assert abs(loss.item() - case.results["training.loss"].item()) <= 1e-4
    gradients = {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    expected = case.expected("gradient")
    assert gradients.keys() == expected.keys()
    # A gradient that is zero but for rounding has no relative error; the largest of the model gives the scale.
    floor = 1e-6 * max(tensor.abs().max().item() for tensor in expected.values())
    for name, tensor in expected.items():
        difference = (gradients[name] - tensor).norm().item()
        assert difference <= 1e-3 * tensor.norm().item() + floor, f"{name} differs by {difference}"


def test_generate(case: Case) -> None:
    for i, search in enumerate(case.searches):
        options = dict(search)
        torch.manual_seed(options.pop("seed", 0))
        prefix = options.pop("prefix", None)
        if prefix is not None:
            options["decoder_input_ids"] = torch.tensor(prefix)
        output = case.model.generate(**case.arguments("audio"), **options)
        found, expected = dict(flat(f"generate.{i}", output)), case.expected(f"generate.{i}")
        sequences = f"generate.{i}.sequences"
        assert found[sequences].tolist() == expected[sequences].tolist(), search
        # Sampling draws among beams that are still alike, where rounding decides which of them it is.
        names = ["sequences_scores"] if search.get("do_sample") else ["sequences_scores", "beam_indices"]
        names = [f"generate.{i}.{name}" for name in names]
        assert_close({n: found[n] for n in names if n in found}, {n: expected[n] for n in names if n in expected})
        # Later steps hold rows of utterances that are done, which nobody reads.
        kinds = ("encoder_attentions", "encoder_hidden_states", "scores.0", "cross_attentions.0")
        kinds += ("decoder_attentions.0", "decoder_hidden_states.0")
        starts = tuple(f"generate.{i}.{kind}" for kind in kinds)
        assert_close(
            {n: t for n, t in found.items() if n.startswith(starts)},
            {n: t for n, t in expected.items() if n.startswith(starts)},
        )


def test_outputs_are_not_trivial(cases: list[Case]) -> None:
    """Most searches must give sentences of several different tokens, or equality would say little."""
    lively = [
        len(set(row.tolist()) - {1}) >= 4
        for case in cases
        for name, tensor in case.results.items()
        if name.endswith(".sequences")
        for row in tensor
    ]
    assert sum(lively) > 0.5 * len(lively)
