"""Encoders, decoder and encoder-decoder: what needs no oracle."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from s2t2_live import (
    HubertConfig,
    HubertModel,
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s2t2_live.errors import AudioInputError, InputError, TokenInputError
from s2t2_live.speech2text2.positions import SinusoidalPositions
from tests.speech2text2.small_models import DECODER, SMALL, audio, logits, small_model

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


def test_weight_norm_is_scaled_again_after_a_step_of_a_fused_optimizer() -> None:
    """It raises no version of a parameter."""
    conv = Wav2Vec2Model(Wav2Vec2Config(**SMALL)).eval().encoder.pos_conv_embed.conv
    optimizer = torch.optim.SGD(conv.parameters(), lr=0.01, fused=True)
    x = torch.randn(1, conv.bias.shape[0], 30)
    for between in (False, True):
        conv.scale()
        conv(x).square().sum().backward()
        if between:
            conv.scale()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            found = conv(x)
        torch.testing.assert_close(found, conv(x).detach(), atol=1e-4, rtol=1e-4)


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
