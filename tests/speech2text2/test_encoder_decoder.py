"""Encoders, decoder and encoder-decoder: what needs no oracle."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from s2t2_live import (
    HubertConfig,
    HubertModel,
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s2t2_live.errors import AudioInputError, CheckpointError, InputError, ModelNotFoundError, TokenInputError
from s2t2_live.speech2text2.checkpoint import read_tensors, write_tensors
from s2t2_live.speech2text2.positions import SinusoidalPositions

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


# The encoders


def test_padding_changes_nothing_with_a_mask() -> None:
    model = Wav2Vec2Model(Wav2Vec2Config(**SMALL)).eval()
    x = audio(1, 800)
    mask = torch.ones(1, 1200, dtype=torch.long)
    mask[:, 800:] = 0
    with torch.no_grad():
        alone = model(x).last_hidden_state
        padded = model(torch.nn.functional.pad(x, (0, 400)), attention_mask=mask).last_hidden_state
    torch.testing.assert_close(padded[:, : alone.shape[1]], alone)


@pytest.mark.parametrize("shape", [(900,), (1, 1, 900)])
def test_wrong_rank_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioInputError, match="shape"):
        Wav2Vec2Model(Wav2Vec2Config(**SMALL))(torch.zeros(shape))


def test_audio_shorter_than_a_frame_is_refused() -> None:
    model = HubertModel(HubertConfig(**SMALL)).eval()
    least = model.feature_extractor.receptive_field
    assert model(torch.zeros(1, least)).last_hidden_state.shape == (1, 1, 16)
    with pytest.raises(AudioInputError, match=str(least)):
        model(torch.zeros(1, least - 1))
    mask = torch.ones(2, 900)
    mask[1, 5:] = 0
    with pytest.raises(AudioInputError, match="Row 1"):
        model(audio(), attention_mask=mask)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_audio_that_is_not_finite_is_refused(bad: float) -> None:
    waveform = audio()
    waveform[1, 70] = bad
    with pytest.raises(AudioInputError, match="not finite"):
        small_model()(inputs=waveform, labels=torch.tensor([[4], [5]]))


def test_published_receptive_field() -> None:
    published = Wav2Vec2Config()
    convolutions = {"conv_kernel": published.conv_kernel, "conv_stride": published.conv_stride, "conv_dim": [4] * 7}
    config = Wav2Vec2Config(**{**SMALL, **convolutions})
    encoder = Wav2Vec2Model(config)
    assert encoder.feature_extractor.receptive_field == 400
    assert encoder.frame_lengths(torch.tensor([400, 719, 720])).tolist() == [1, 1, 2]


def test_spec_augment_follows_the_seed() -> None:
    options = {"mask_time_prob": 0.5, "mask_time_length": 2, "layerdrop": 0.0, "hidden_dropout": 0.0}
    model = Wav2Vec2Model(Wav2Vec2Config(**SMALL, **options, attention_dropout=0.0, activation_dropout=0.0)).train()
    found = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        found.append(model(audio()).last_hidden_state)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_frozen_features_get_no_gradient() -> None:
    model = small_model()
    model.freeze_feature_encoder()
    model.train()
    model(inputs=audio(), labels=torch.tensor([[4, 2], [5, 2]])).loss.backward()
    assert all(p.grad is None for p in model.encoder.feature_extractor.parameters())
    assert model.encoder.feature_projection.projection.weight.grad is not None


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_long_audio_is_convolved_in_parts(norm: str) -> None:
    model = Wav2Vec2Model(Wav2Vec2Config(**{**SMALL, "feat_extract_norm": norm})).eval().feature_extractor
    for samples in (400, 20 * 63 + 21, 20 * 64 + 20, 20 * 200):
        waveform = torch.randn(2, samples)
        with torch.no_grad():
            in_parts = model(waveform)
        whole = model(waveform)
        assert whole.grad_fn is not None
        torch.testing.assert_close(in_parts, whole.detach())


def test_weight_norm_is_scaled_again_after_an_update() -> None:
    model = Wav2Vec2Model(Wav2Vec2Config(**SMALL)).eval()
    conv = model.encoder.pos_conv_embed.conv
    with torch.no_grad():
        before = model(audio()).last_hidden_state
        assert conv.scale() is conv.scale()
        conv.parametrizations.weight.original0.mul_(3)
        after = model(audio()).last_hidden_state
        conv.parametrizations.weight.original0.div_(3)
        assert not torch.allclose(before, after)
        torch.testing.assert_close(model(audio()).last_hidden_state, before)
    x = torch.randn(1, conv.bias.shape[0], 30)
    with_gradient = conv(x)
    assert with_gradient.grad_fn is not None
    with torch.no_grad():
        torch.testing.assert_close(conv(x), with_gradient.detach())


def test_an_adapter_of_another_size_and_kernel() -> None:
    options = {"add_adapter": True, "output_hidden_size": 10, "adapter_kernel_size": 5, "num_adapter_layers": 2}
    model = small_model(options)
    mask = torch.ones(2, 900, dtype=torch.long)
    mask[1, 600:] = 0
    found = logits(model, attention_mask=mask)
    alone = model(inputs=audio()[1:, :600], decoder_input_ids=torch.tensor([[2, 9, 8]])).logits
    assert found.shape == (2, 3, 30)
    lengths = model.encoder.frame_lengths(torch.tensor([900, 600]))
    frames = model.encoder(audio()).last_hidden_state
    assert frames.shape == (2, int(lengths[0]), 10)
    assert model.encoder.frame_mask(int(lengths[0]), mask).sum(1).tolist() == lengths.tolist()
    assert alone.shape == (1, 3, 30)


# The decoder


def test_cached_decoding_goes_on_past_the_position_table() -> None:
    decoder = Speech2Text2ForCausalLM(Speech2Text2Config(**DECODER)).eval()
    ids = torch.randint(3, 30, (1, 25), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = decoder(ids).logits
        cache, steps = None, []
        for i in range(25):
            output = decoder(ids[:, i : i + 1], past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            steps.append(output.logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole)
    assert decoder.get_decoder().embed_positions.weights.shape == (12, 12)


def test_positions_past_the_table_follow_its_device_type_and_values() -> None:
    positions, other = SinusoidalPositions(10, 12, padding_id=1), SinusoidalPositions(10, 12, padding_id=1)
    ids = torch.tensor([[1, 2, 11, 12, 29]])
    with torch.no_grad():
        before = positions(ids, 29)
        torch.testing.assert_close(before, SinusoidalPositions(40, 12, padding_id=1)(ids, 29))
        assert positions.double()(ids, 29).dtype == torch.float64
        assert positions.bfloat16()(ids, 29).dtype == torch.bfloat16
        positions.float().load_state_dict({"weights": 3 * other.weights})
        after = positions(ids, 29)
        torch.testing.assert_close(after[:, :3], 3 * before[:, :3])
        torch.testing.assert_close(after[:, 3:], before[:, 3:])
        assert positions.to("meta")(ids.to("meta"), 29).shape == (1, 5, 12)


def test_inputs_embeds_equal_ids() -> None:
    decoder = Speech2Text2ForCausalLM(Speech2Text2Config(**DECODER)).eval()
    ids = torch.tensor([[3, 4, 5, 6]])
    inner = decoder.get_decoder()
    with torch.no_grad():
        embeds = inner.embed_tokens(ids) * inner.embed_scale
        first = decoder(inputs_embeds=embeds[:, :2], use_cache=True)
        second = decoder(inputs_embeds=embeds[:, 2:], past_key_values=first.past_key_values)
        whole = decoder(ids).logits
    torch.testing.assert_close(torch.cat([first.logits, second.logits], 1), whole)
    with pytest.raises(InputError, match="not both"):
        decoder(ids, inputs_embeds=embeds)


@pytest.mark.parametrize("bad", [-1, 30])
def test_token_ids_outside_of_the_vocabulary(bad: int) -> None:
    decoder = Speech2Text2ForCausalLM(Speech2Text2Config(**DECODER))
    with pytest.raises(TokenInputError, match=str(bad)):
        decoder(torch.tensor([[3, bad]]))
    with pytest.raises(TokenInputError, match=str(bad)):
        decoder(torch.tensor([[3, 4]]), labels=torch.tensor([[bad, -100]]))


def test_head_masks_of_the_wrong_shape() -> None:
    decoder = Speech2Text2ForCausalLM(Speech2Text2Config(**DECODER))
    with pytest.raises(InputError, match="row for each"):
        decoder(torch.tensor([[3]]), head_mask=torch.ones(1, 2))
    with pytest.raises(InputError, match="entries"):
        decoder(torch.tensor([[3]]), head_mask=torch.ones(2, 3))


def test_tuples_on_request() -> None:
    model = small_model()
    ids = torch.tensor([[2, 4, 5], [2, 9, 8]])
    named = model(inputs=audio(), decoder_input_ids=ids, labels=ids)
    loss, scores, *_ = model(inputs=audio(), decoder_input_ids=ids, labels=ids, return_dict=False)
    torch.testing.assert_close(loss, named.loss)
    torch.testing.assert_close(scores, named["logits"])
    assert list(named) == ["loss", "logits", "past_key_values", "encoder_last_hidden_state"]
    assert named[0] is named.loss


def test_the_audio_has_three_names() -> None:
    model = small_model()
    labels = torch.tensor([[4, 2], [5, 2]])
    expected = model(inputs=audio(), labels=labels).loss
    assert torch.equal(model(input_values=audio(), labels=labels).loss, expected)
    assert torch.equal(model(input_features=audio(), labels=labels).loss, expected)
    with pytest.raises(InputError, match="one name only"):
        model(input_values=audio(), input_features=audio(), labels=labels)


def test_outputs_are_in_the_order_of_their_fields() -> None:
    model = small_model()
    everything = {"output_attentions": True, "output_hidden_states": True}
    assert list(model.encoder(audio(), **everything)) == [
        "last_hidden_state", "extract_features", "hidden_states", "attentions",
    ]  # fmt: skip
    found = model.generate(audio(), num_beams=2, return_dict_in_generate=True, output_scores=True, **everything)
    assert list(found) == [
        "sequences", "sequences_scores", "scores", "beam_indices", "encoder_attentions", "encoder_hidden_states",
        "decoder_attentions", "cross_attentions", "decoder_hidden_states",
    ]  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
def test_room_for_more_tokens(tied: bool, tmp_path: Path) -> None:
    model = small_model(tie_word_embeddings=tied)
    before = logits(model)
    generated = model.generate(audio(), max_length=6)
    assert model.decoder.resize_token_embeddings() is model.decoder.get_input_embeddings()
    table = model.decoder.resize_token_embeddings(31, pad_to_multiple_of=4)
    assert table.weight.shape == model.decoder.lm_head.weight.shape == (32, 12)
    assert (table.weight is model.decoder.lm_head.weight) == tied
    assert model.config.decoder.vocab_size == 32
    torch.testing.assert_close(logits(model)[..., :30], before)
    assert model(inputs=audio(), labels=torch.tensor([[31], [30]])).loss.isfinite()
    assert torch.equal(model.generate(audio(), max_length=6, suppress_tokens=[30, 31]), generated)
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(SpeechEncoderDecoderModel.from_pretrained(tmp_path)), logits(model))
    model.decoder.resize_token_embeddings(30)
    assert torch.equal(logits(model), before)
    with pytest.raises(TokenInputError, match="30"):
        model(inputs=audio(), labels=torch.tensor([[30], [5]]))


# Loading and saving


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
        ignore_mismatched_sizes=False, device_map=None,
    )  # fmt: skip
    with pytest.raises(InputError, match="not 'sdpa'"):
        load(tmp_path / "model", attn_implementation="sdpa")
    with pytest.raises(InputError, match="no option device_map"):
        load(tmp_path / "model", device_map="auto")


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
        model.enc_to_dec_proj.weight.mul_(2)  # type: ignore[union-attr]
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
    assert torch.equal(read_tensors(tmp_path)["enc_to_dec_proj.bias"], 2 * model.enc_to_dec_proj.bias)  # type: ignore[union-attr]


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
        model.enc_to_dec_proj.weight.mul_(2)  # type: ignore[union-attr]
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
    assert joined.enc_to_dec_proj is not None
    joined.enc_to_dec_proj.load_state_dict(model.enc_to_dec_proj.state_dict())  # type: ignore[union-attr]
    assert torch.equal(logits(joined), logits(model))
    with pytest.raises(InputError, match="decoder"):
        SpeechEncoderDecoderModel.from_encoder_decoder_pretrained(encoder_model=model.encoder)


def test_labels_need_a_start_token() -> None:
    model = small_model()
    model.config.decoder_start_token_id = None
    with pytest.raises(InputError, match="decoder_start_token_id"):
        model(inputs=audio(), labels=torch.tensor([[4], [5]]))
    model.config.decoder_start_token_id = 2
    shifted = model.prepare_decoder_input_ids_from_labels(torch.tensor([[4, 6, 7], [5, -100, -100]]))
    assert shifted.tolist() == [[2, 4, 6], [2, 5, 1]]


def test_copies_are_independent() -> None:
    model = small_model()
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.encoder.encoder.pos_conv_embed.conv.parametrizations.weight.original0.mul_(2)
    assert not torch.equal(logits(other), logits(model))


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
