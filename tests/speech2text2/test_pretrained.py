"""Models in folders: what is written, what is read, and what is refused."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from s2t2_live import SpeechEncoderDecoderModel
from s2t2_live.errors import CheckpointError, InputError, ModelNotFoundError
from s2t2_live.speech2text2.checkpoint import read_tensors, write_tensors
from tests.speech2text2.small_models import audio, logits, small_model


def projection(model: SpeechEncoderDecoderModel) -> torch.nn.Linear:
    assert model.enc_to_dec_proj is not None
    return model.enc_to_dec_proj


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("safe", [True, False])
def test_save_and_load(tied: bool, safe: bool, tmp_path: Path) -> None:
    model = small_model(tie_word_embeddings=tied)
    model.save_pretrained(tmp_path, safe_serialization=safe)
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    assert torch.equal(logits(loaded), logits(model))
    inner = loaded.decoder.get_decoder()
    assert (loaded.decoder.lm_head.weight is inner.embed_tokens.weight) == tied
    assert ("decoder.lm_head.weight" in read_tensors(tmp_path)) == (not tied)
    assert not loaded.training
    assert loaded.config == SpeechEncoderDecoderModel.from_pretrained(tmp_path).config


def test_a_loaded_model_can_be_trained_and_saved_where_it_was(tmp_path: Path) -> None:
    small_model().save_pretrained(tmp_path)
    model = SpeechEncoderDecoderModel.from_pretrained(tmp_path).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(inputs=audio(), labels=torch.tensor([[4, 2], [5, 2]])).loss.backward()
    optimizer.step()
    model.save_pretrained(tmp_path)
    model.eval()
    assert torch.equal(logits(SpeechEncoderDecoderModel.from_pretrained(tmp_path)), logits(model))
    assert not torch.equal(logits(small_model()), logits(model))


def test_a_head_unlike_the_embeddings_unties_the_model(tmp_path: Path) -> None:
    model = small_model()
    model.config.decoder.tie_word_embeddings = True
    model.config.save_pretrained(tmp_path)
    write_tensors(tmp_path, dict(model.state_dict()))
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    model.config.decoder.tie_word_embeddings = False
    assert torch.equal(logits(loaded), logits(model))
    assert not loaded.config.decoder.tie_word_embeddings


def test_what_may_be_missing(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path)
    tensors = read_tensors(tmp_path)
    optional = ["encoder.masked_spec_embed", "decoder.model.decoder.embed_positions.weights", "decoder.lm_head.weight"]
    for name in optional:
        del tensors[name]
    write_tensors(tmp_path, tensors)
    loaded, info = SpeechEncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert sorted(info["missing_keys"]) == sorted(optional)
    inner = loaded.decoder.get_decoder()
    assert torch.equal(loaded.decoder.lm_head.weight, inner.embed_tokens.weight)
    assert torch.equal(inner.embed_positions.weights, model.decoder.get_decoder().embed_positions.weights)


def test_misfits_are_listed_one_by_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    small_model().save_pretrained(tmp_path)
    tensors = read_tensors(tmp_path)
    write_tensors(tmp_path, {**tensors, "extra.weight": torch.ones(1)})
    assert SpeechEncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)[1]["unexpected_keys"] == [
        "extra.weight"
    ]
    assert "extra.weight" in caplog.text
    del tensors["enc_to_dec_proj.bias"], tensors["encoder.encoder.layer_norm.weight"]
    tensors["encoder.encoder.layer_norm.bias"] = torch.ones(3)
    write_tensors(tmp_path, tensors)
    with pytest.raises(CheckpointError) as error:
        SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    for expected in ("enc_to_dec_proj.bias", "layer_norm.weight", "encoder.encoder.layer_norm.bias has the shape [3]"):
        assert expected in str(error.value)


def test_type_of_the_parameters(tmp_path: Path) -> None:
    small_model().to(torch.bfloat16).save_pretrained(tmp_path)
    assert SpeechEncoderDecoderModel.from_pretrained(tmp_path).dtype == torch.float32
    assert SpeechEncoderDecoderModel.from_pretrained(tmp_path, torch_dtype="auto").dtype == torch.bfloat16
    half = SpeechEncoderDecoderModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    assert half(inputs=audio().bfloat16(), labels=torch.tensor([[4], [5]])).loss.isfinite()
    tensors = read_tensors(tmp_path)
    del tensors["decoder.model.decoder.embed_positions.weights"]  # the official files may not have it
    write_tensors(tmp_path, tensors)
    half = SpeechEncoderDecoderModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    assert half(inputs=audio().bfloat16(), labels=torch.tensor([[4], [5]])).loss.isfinite()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parameters_of_another_shape_can_be_drawn(
    dtype: torch.dtype, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = small_model()
    model.save_pretrained(tmp_path)
    decoder = copy.deepcopy(model.config.decoder)
    decoder.vocab_size = 50
    given: dict[str, Any] = {"decoder": decoder, "torch_dtype": dtype}
    with pytest.raises(CheckpointError, match=r"lm_head\.weight has the shape \[30, 12\] instead of \[50, 12\]"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path, **given)
    loaded, info = SpeechEncoderDecoderModel.from_pretrained(
        tmp_path, ignore_mismatched_sizes=True, output_loading_info=True, **given
    )
    names = ["decoder.model.decoder.embed_tokens.weight", "decoder.lm_head.weight"]
    assert sorted(info["mismatched_keys"]) == sorted((name, (30, 12), (50, 12)) for name in names)
    assert all(name in caplog.text for name in names)
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {dtype}
    assert logits(loaded.float()).shape[-1] == 50
    assert 0 < float(loaded.decoder.lm_head.weight.detach().std()) < 0.1
    kept = {name: tensor for name, tensor in model.state_dict().items() if name not in names}
    for name, tensor in kept.items():
        assert torch.equal(loaded.state_dict()[name], tensor.to(dtype).float()), name


def test_options_of_loading(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path / "model")
    model.config.pad_token_id = 5
    model.config.save_pretrained(tmp_path / "config")
    load = SpeechEncoderDecoderModel.from_pretrained
    loaded = load(pretrained_model_name_or_path=tmp_path / "model", low_cpu_mem_usage=True, eos_token_id=9)
    assert (loaded.config.pad_token_id, loaded.config.eos_token_id) == (1, 9)
    for config in (model.config, tmp_path / "config", str(tmp_path / "config" / "config.json")):
        assert load(tmp_path / "model", config=config).config.pad_token_id == 5
        assert load(tmp_path / "model", config=config, pad_token_id=7).config.pad_token_id == 7
    with pytest.raises(InputError, match="no option torch_dtpye"):
        load(tmp_path / "model", torch_dtpye=torch.float16)
    load(
        tmp_path / "model", attn_implementation="eager", trust_remote_code=True, resume_download=True, from_tf=False,
        device_map=None,
    )  # fmt: skip
    with pytest.raises(InputError, match="not 'sdpa'"):
        load(tmp_path / "model", attn_implementation="sdpa")
    with pytest.raises(InputError, match="no option device_map"):
        load(tmp_path / "model", device_map="auto")


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("encoder", "hidden_size", None),
        ("decoder", "d_model", "12"),
        ("decoder", "max_target_positions", None),
        ("decoder", "pad_token_id", 999),
        ("decoder", "vocab_size", -1),
        ("decoder", "activation_function", 3),
    ],
)
def test_a_configuration_that_gives_no_model(part: str, field: str, value: Any, tmp_path: Path) -> None:
    small_model().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    fields = json.loads(path.read_text())
    fields[part][field] = value
    path.write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match=r"config\.json describes no|There is no activation"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("dtype", ["float33", "nn", "int64"])
def test_a_type_that_is_none(dtype: str, tmp_path: Path) -> None:
    small_model().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="torch_dtype is a floating type"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path, torch_dtype=dtype)


def test_a_model_in_a_subfolder(tmp_path: Path) -> None:
    model = small_model()
    model.generation_config.max_length = 33
    model.save_pretrained(tmp_path / "inner" / "model")
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path, subfolder="inner/model")
    assert torch.equal(logits(loaded), logits(model))
    assert loaded.generation_config.max_length == 33
    for part in ("encoder", "decoder"):
        getattr(model, part).save_pretrained(tmp_path / part)
    folders = {"encoder_subfolder": "encoder", "decoder_subfolder": "decoder"}
    joined = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(tmp_path, tmp_path, **folders)
    assert torch.equal(joined.decoder.lm_head.weight, model.decoder.lm_head.weight)
    with pytest.raises(ModelNotFoundError, match="no subfolder 'outer'"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path, subfolder="outer")


def test_weights_that_are_given_go_before_the_file(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with torch.no_grad():
        projection(model).weight.mul_(2)
    state = {
        name.replace("parametrizations.weight.original0", "weight_g"): tensor
        for name, tensor in model.state_dict().items()
    }
    before = model.config.to_dict()
    for name, config in ((tmp_path, None), (None, model.config), (None, str(tmp_path))):
        loaded = SpeechEncoderDecoderModel.from_pretrained(name, config=config, state_dict=state)
        assert torch.equal(logits(loaded), logits(model))
        assert not loaded.training
        with torch.no_grad():
            loaded.decoder.lm_head.weight.zero_()
            loaded.config.decoder.dropout = 0.77
    assert model.decoder.lm_head.weight.any()
    assert model.config.to_dict() == before
    for arguments in ({"state_dict": state}, {"config": model.config}, {}):
        with pytest.raises(InputError, match="both a config and a state_dict"):
            SpeechEncoderDecoderModel.from_pretrained(None, **arguments)
    with pytest.raises(CheckpointError, match=r"the given state_dict .*missing: .*lm_head"):
        SpeechEncoderDecoderModel.from_pretrained(None, config=model.config, state_dict={})


def test_weights_of_another_state_are_saved(tmp_path: Path) -> None:
    model = small_model()
    state = {name: 2 * tensor for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path, True, state, push_to_hub=False, token=None)
    assert torch.equal(read_tensors(tmp_path)["enc_to_dec_proj.bias"], 2 * projection(model).bias)


def test_only_the_main_process_saves(tmp_path: Path) -> None:
    small_model().save_pretrained(tmp_path / "model", is_main_process=False)
    assert not (tmp_path / "model").exists()


def test_saving_does_not_upload(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not upload"):
        small_model().save_pretrained(tmp_path / "model", push_to_hub=True)
    assert not (tmp_path / "model").exists()


def test_a_pickle_is_saved_by_the_function_that_is_given(tmp_path: Path) -> None:
    model, seen = small_model(), []

    def save(tensors: dict[str, Tensor], path: str) -> None:
        seen.append(Path(path).name)
        torch.save(tensors, path)

    model.save_pretrained(tmp_path, save_function=save)
    assert seen == []
    model.save_pretrained(tmp_path, save_function=save, safe_serialization=False)
    assert seen == ["pytorch_model.bin"]
    assert torch.equal(logits(SpeechEncoderDecoderModel.from_pretrained(tmp_path)), logits(model))


def test_a_variant_is_saved_beside_the_others_and_loaded(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path)
    with torch.no_grad():
        projection(model).weight.mul_(2)
    model.save_pretrained(tmp_path, variant="twice")
    load = SpeechEncoderDecoderModel.from_pretrained
    assert torch.equal(logits(load(tmp_path, variant="twice")), logits(model))
    assert not torch.equal(logits(load(tmp_path)), logits(model))
    with pytest.raises(CheckpointError, match=r"no model\.half\.safetensors nor pytorch_model\.half\.bin"):
        load(tmp_path, variant="half")


def test_old_names_of_weight_norm_are_loaded_into_a_model() -> None:
    model, other = small_model(), small_model()
    with torch.no_grad():
        for parameter in other.encoder.parameters():
            parameter.mul_(1.5)
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in other.state_dict().items()
    }
    names = list(old)
    assert names != list(other.state_dict())
    assert not torch.equal(logits(model), logits(other))
    model.load_state_dict(old)
    assert torch.equal(logits(model), logits(other))
    assert list(old) == names
    del old["encoder.encoder.pos_conv_embed.conv.weight_g"]
    with pytest.raises(RuntimeError, match=r"Missing key.*conv\.parametrizations\.weight\.original0"):
        model.load_state_dict(old)


def test_parts_from_their_own_folders(tmp_path: Path) -> None:
    model = small_model()
    # As in a checkpoint of a model with a head on top of the encoder.
    model.encoder.config.save_pretrained(tmp_path / "encoder")
    state = {f"wav2vec2.{name}": tensor for name, tensor in model.encoder.state_dict().items()}
    write_tensors(tmp_path / "encoder", {**state, "lm_head.weight": torch.ones(2, 2)})
    model.decoder.save_pretrained(tmp_path / "decoder")
    joined = SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(
        tmp_path / "encoder", tmp_path / "decoder", encoder_layerdrop=0.0, decoder_dropout=0.3, pad_token_id=1
    ).eval()
    assert (joined.config.encoder.layerdrop, joined.config.decoder.dropout, joined.config.pad_token_id) == (0.0, 0.3, 1)
    projection(joined).load_state_dict(projection(model).state_dict())
    assert torch.equal(logits(joined), logits(model))
    with pytest.raises(InputError, match="decoder"):
        SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder_model=model.encoder)


def test_loading_does_not_import_the_compiler(tmp_path: Path) -> None:
    """Drawing at random on the meta device would, which takes seconds."""
    small_model().save_pretrained(tmp_path)
    code = (
        "import sys; from s2t2_live import SpeechEncoderDecoderModel as M; "
        f"M.from_pretrained({str(tmp_path)!r}); print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_safetensors_alone_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(CheckpointError, match=r"has no weights: no model\.safetensors, whole or sharded"):
        SpeechEncoderDecoderModel.from_pretrained(tmp_path, use_safetensors=True)
    model.save_pretrained(tmp_path / "safe")
    for folder, asked in ((tmp_path, False), (tmp_path, None), (tmp_path / "safe", True), (tmp_path / "safe", False)):
        loaded = SpeechEncoderDecoderModel.from_pretrained(folder, use_safetensors=asked)
        assert torch.equal(loaded.decoder.lm_head.weight, model.decoder.lm_head.weight)
