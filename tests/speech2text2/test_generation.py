"""generate: caching, forced beginnings, scores, options and refusals; what needs no oracle."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from s2t2_live import (
    Speech2Text2Config,
    Speech2Text2ForCausalLM,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from s2t2_live.errors import AudioInputError, InputError, TokenInputError
from s2t2_live.speech2text2.beam_search import largest
from s2t2_live.speech2text2.generation_config import GenerationConfig


@pytest.fixture(scope="module")
def model() -> SpeechEncoderDecoderModel:
    torch.manual_seed(3)
    encoder = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        conv_dim=[8, 8],
        conv_kernel=[10, 4],
        conv_stride=[5, 4],
        num_conv_pos_embeddings=6,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
    )
    decoder = Speech2Text2Config(
        vocab_size=40,
        d_model=16,
        decoder_layers=2,
        decoder_ffn_dim=24,
        decoder_attention_heads=2,
        max_target_positions=12,
        tie_word_embeddings=False,
    )
    made = SpeechEncoderDecoderModel(encoder=Wav2Vec2Model(encoder), decoder=Speech2Text2ForCausalLM(decoder)).eval()
    with torch.no_grad():
        for name, parameter in made.decoder.named_parameters():
            if parameter.dim() == 2 and "embed" not in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
        made.decoder.get_decoder().embed_tokens.weight.mul_(50)
        made.decoder.lm_head.weight.mul_(8)
    return made


@pytest.fixture(scope="module")
def audio() -> dict[str, Tensor]:
    x = torch.randn(3, 900, generator=torch.Generator().manual_seed(5))
    mask = torch.ones(3, 900, dtype=torch.long)
    mask[1, 500:] = 0
    return {"inputs": x, "attention_mask": mask}


def following_scores(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor], ids: Tensor) -> Tensor:
    """Scores of every next token, computed without a cache."""
    with torch.no_grad():
        return model(**audio, decoder_input_ids=ids, use_cache=False).logits


def test_greedy_takes_the_best_token_of_the_uncached_model(
    model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]
) -> None:
    ids = model.generate(**audio, max_length=30)
    assert ids.shape[0] == 3
    best = following_scores(model, audio, ids[:, :-1]).argmax(-1)
    for row, choices in zip(ids.tolist(), best.tolist(), strict=True):
        end = row.index(2, 1) if 2 in row[1:] else len(row) - 1
        assert row[1 : end + 1] == choices[:end]
        assert set(row[end + 1 :]) <= {1}


def test_sums_of_the_beams(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    """The score of every returned sequence, from the model without a cache."""
    found = model.generate(
        **audio,
        num_beams=4,
        num_return_sequences=3,
        max_length=14,
        length_penalty=0.7,
        return_dict_in_generate=True,
        output_scores=True,
    )
    transitions = model.compute_transition_scores(found.sequences, found.scores, found.beam_indices)
    for row in range(9):
        utterance = {name: tensor[row // 3 : row // 3 + 1] for name, tensor in audio.items()}
        ids = found.sequences[row]
        length = int((found.beam_indices[row] >= 0).sum())
        logits = following_scores(model, utterance, ids[None, :length])[0]
        log_p = logits.log_softmax(-1).gather(1, ids[1 : length + 1, None])[:, 0]
        torch.testing.assert_close(transitions[row, :length], log_p, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.sequences_scores[row], log_p.sum() / length**0.7, atol=1e-4, rtol=1e-4)
    scores = found.sequences_scores.view(3, 3)
    assert torch.equal(scores, scores.sort(descending=True).values)


def test_many_beams_find_the_best_sequence(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    """Two tokens after the start, all of them tried."""
    one = {name: tensor[:1] for name, tensor in audio.items()}
    found = model.generate(
        **one,
        num_beams=40,
        max_length=3,
        suppress_tokens=[2],
        return_dict_in_generate=True,
        output_scores=True,
    )
    prefixes = torch.tensor([[2, token] for token in range(40)])
    repeated = {name: tensor.expand(40, -1) for name, tensor in one.items()}
    raw = following_scores(model, repeated, prefixes).log_softmax(-1).masked_fill(torch.arange(40) == 2, -torch.inf)
    total = raw[0, 0][:, None] + raw[:, 1]
    best = int(total.argmax())
    assert found.sequences[0].tolist() == [2, best // 40, best % 40]
    torch.testing.assert_close(found.sequences_scores[0], total.max() / 2, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("beams", [1, 4])
def test_a_forced_beginning(beams: int, model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    free = model.generate(**audio, num_beams=beams, max_length=12)
    forced = model.generate(**audio, num_beams=beams, max_length=12, decoder_input_ids=free[:, 1:5])
    assert torch.equal(forced[:, :5], free[:, :5])
    if beams == 1:
        assert torch.equal(forced, free)
    new = model.generate(**audio, num_beams=beams, max_new_tokens=2, min_new_tokens=2, decoder_input_ids=free[:, :5])
    assert new.shape[1] == 7


def test_encoder_outputs_instead_of_audio(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    with torch.no_grad():
        encoded = model.encoder(audio["inputs"], attention_mask=audio["attention_mask"])
    for beams in (1, 3):
        direct = model.generate(**audio, num_beams=beams)
        given = model.generate(encoder_outputs=encoded, attention_mask=audio["attention_mask"], num_beams=beams)
        assert torch.equal(direct, given)


@pytest.mark.parametrize("beams", [1, 3])
def test_cross_attentions_alone(beams: int, model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    options: dict[str, Any] = {"num_beams": beams, "max_length": 8, "return_dict_in_generate": True}
    some = model.generate(**audio, **options, output_cross_attentions=True)
    every = model.generate(**audio, **options, output_attentions=True)
    assert torch.equal(some.sequences, every.sequences)
    assert some.decoder_attentions is None
    assert some.encoder_attentions is None
    for step, other in zip(some.cross_attentions, every.cross_attentions, strict=True):
        for layer, other_layer in zip(step, other, strict=True):
            torch.testing.assert_close(layer, other_layer)
            assert layer.shape[:2] == (3 * beams, 2)
            torch.testing.assert_close(layer.sum(-1), torch.ones(layer.shape[:-1]))


def test_a_padded_row_equals_the_row_alone(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    for beams in (1, 5):
        together = model.generate(**audio, num_beams=beams, max_length=10, min_length=10)
        alone = model.generate(audio["inputs"][1:2, :500], num_beams=beams, max_length=10, min_length=10)
        assert together[1].tolist() == alone[0].tolist()


def test_sampling_follows_the_seed(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(model.generate(**audio, do_sample=True, num_return_sequences=4, temperature=2.0, min_length=9))
    assert found[0].shape[0] == 12
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_own_processors_and_criteria(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    only_seven = model.generate(
        **audio, logits_processor=[lambda ids, scores: scores.index_fill(1, torch.tensor(7), 99)]
    )
    assert set(only_seven[:, 1:].flatten().tolist()) == {7}
    short = model.generate(**audio, min_length=15, stopping_criteria=[lambda ids, scores: ids.shape[1] >= 6])
    assert short.shape[1] == 6
    allowed = model.generate(**audio, num_beams=2, prefix_allowed_tokens_fn=lambda row, ids: [row + 10, row + 20])
    for row, ids in enumerate(allowed.tolist()):
        assert set(ids[1:]) <= {row + 10, row + 20}


def test_options_come_from_the_file_then_the_model_then_the_decoder(
    model: SpeechEncoderDecoderModel, audio: dict[str, Tensor], tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    fields = json.loads((tmp_path / "config.json").read_text())
    fields["decoder"].update(max_length=9, num_beams=3, early_stopping=True)
    fields["num_beams"] = 2
    (tmp_path / "config.json").write_text(json.dumps(fields))
    options = SpeechEncoderDecoderModel.from_pretrained(tmp_path).generation_config
    assert (options.max_length, options.num_beams, options.early_stopping) == (9, 2, True)
    assert options.decoder_start_token_id == 2
    (tmp_path / "generation_config.json").write_text('{"max_length": 7, "eos_token_id": 2, "pad_token_id": 1, "x": 1}')
    loaded = SpeechEncoderDecoderModel.from_pretrained(tmp_path)
    assert (loaded.generation_config.max_length, loaded.generation_config.num_beams) == (7, 1)
    loaded.generation_config.decoder_start_token_id = 2
    loaded.save_pretrained(tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path) == loaded.generation_config


def test_options_set_on_the_model_configuration(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    model.config.max_length = 6
    try:
        assert model.generate(**audio, min_length=6).shape[1] == 6
    finally:
        model.config.max_length = 20
        model.derive_generation_config()
    assert model.generate(**audio, min_length=20).shape[1] == 20


@pytest.mark.parametrize(("derived", "beams"), [(True, 3), (False, 1)])
def test_a_file_taken_from_the_configuration_gives_way_to_it(
    model: SpeechEncoderDecoderModel, derived: bool, beams: int, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_beams": 3}))
    options = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}
    (tmp_path / "generation_config.json").write_text(json.dumps(options | {"_from_model_config": derived}))
    assert SpeechEncoderDecoderModel.from_pretrained(tmp_path)._options().num_beams == beams


def test_a_changed_weight_counts_at_once(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    changed = copy.deepcopy(model)
    options: dict[str, Any] = {"max_length": 6, "return_dict_in_generate": True, "output_scores": True}
    for parameter in (changed.decoder.get_decoder().layers[0].fc1.weight, changed.decoder.lm_head.weight):
        before = changed.generate(**audio, **options).scores[0]
        assert changed.decoder.for_inference() is changed.decoder.for_inference()
        with torch.no_grad():
            parameter.mul_(-1)
        found = changed.generate(**audio, **options)
        assert not torch.allclose(found.scores[0], before)
        wanted = following_scores(changed, audio, found.sequences[:, :1])[:, -1]
        torch.testing.assert_close(found.scores[0], wanted, atol=1e-4, rtol=1e-4)


def test_a_step_of_a_fused_optimizer_counts_at_once(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    """It raises no version of a parameter; and tokens are asked for in between without a call of train or eval."""
    learner = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.02, fused=True)
    labels = torch.tensor([[4, 5, 2]] * 3)
    learner.config.decoder_start_token_id, learner.config.pad_token_id = 2, 1
    options: dict[str, Any] = {"max_length": 4, "return_dict_in_generate": True, "output_scores": True}
    for between in (False, True):
        learner.generate(**audio, **options)
        learner(**audio, labels=labels).loss.backward()
        if between:
            learner.generate(**audio, **options)
        optimizer.step()
        optimizer.zero_grad()
        found = learner.generate(**audio, **options).scores[0]
        torch.testing.assert_close(found, copy.deepcopy(learner).eval().generate(**audio, **options).scores[0])


def test_dropout_while_training(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    with torch.no_grad():
        encoded = model.encoder(audio["inputs"], attention_mask=audio["attention_mask"])
    options: dict[str, Any] = {"max_length": 3, "return_dict_in_generate": True, "output_scores": True}
    given = {"encoder_outputs": encoded, "attention_mask": audio["attention_mask"]}
    still = model.generate(**given, **options).scores[0]
    try:
        model.decoder.train()
        first, second = (model.generate(**given, **options).scores[0] for _ in range(2))
    finally:
        model.eval()
    assert not torch.allclose(first, second)
    torch.testing.assert_close(model.generate(**given, **options).scores[0], still)


@pytest.mark.parametrize("beams", [1, 3])
def test_under_autocast(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor], beams: int) -> None:
    wanted: dict[str, Any] = {"return_dict_in_generate": True, "output_scores": True, "max_length": 4}
    exact = model.generate(**audio, num_beams=beams, **wanted)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.generate(**audio, num_beams=beams, **wanted)
    torch.testing.assert_close(rough.scores[0].float(), exact.scores[0], atol=1.0, rtol=0.1)
    assert not torch.equal(rough.scores[0].float(), exact.scores[0])


@pytest.mark.parametrize("size", [90, 50_000, 64_000])
def test_largest_sums(size: int) -> None:
    sums = torch.randn(3, size)
    found, indices = largest(sums, 6)
    assert torch.equal(found, sums.topk(6).values)
    assert torch.equal(sums.gather(1, indices), found)


def test_largest_sums_where_few_are_allowed() -> None:
    sums = torch.full((2, 9985), -torch.inf)
    sums[:, 9984], sums[1, 70] = 2.0, 1.0
    found, indices = largest(sums, 4)
    assert indices[:, 0].tolist() == [9984, 9984]
    assert indices[1, 1] == 70
    assert int(indices.max()) < 9985
    assert found[0, 1] == -torch.inf


def test_results_may_take_part_in_training(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    kept = dict.fromkeys(("output_scores", "output_attentions", "output_hidden_states"), True)
    for beams in (1, 2):
        output = model.generate(**audio, num_beams=beams, max_length=5, return_dict_in_generate=True, **kept)
        for step in (output.scores[0], output.cross_attentions[1][0], output.decoder_hidden_states[1][0]):
            weight = torch.ones((), requires_grad=True)
            (step.clamp(-10) * weight).sum().backward()
            assert weight.grad is not None
        assert not output.sequences.is_inference()


def test_tokens_that_options_of_the_call_do_not_have_are_the_models_own(
    model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]
) -> None:
    options = GenerationConfig(max_length=6, eos_token_id=2, pad_token_id=1)
    expected = model.generate(**audio, max_length=6)
    assert torch.equal(model.generate(**audio, generation_config=options, synced_gpus=False), expected)


@pytest.mark.parametrize("options", [
    {"labels": torch.zeros(3, 2, dtype=torch.long)}, {"return_dict": False}, {"num_beams": None},
    {"generation_config": GenerationConfig(num_beams=None, decoder_start_token_id=2, eos_token_id=2, pad_token_id=1)},
])  # fmt: skip
def test_arguments_that_change_nothing(
    options: dict[str, Any], model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]
) -> None:
    assert torch.equal(model.generate(**audio, **options), model.generate(**audio))


def test_another_name_of_a_forced_beginning(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    beginning = torch.tensor([[2, 5], [2, 6], [2, 7]])
    found = model.generate(**audio, input_ids=beginning)
    assert torch.equal(found[:, :2], beginning)
    assert torch.equal(found, model.generate(**audio, decoder_input_ids=beginning))


class Collector:
    """A streamer."""

    def __init__(self) -> None:
        self.put_in: list[Tensor] = []
        self.ended = 0

    def put(self, value: Tensor) -> None:
        assert not self.ended
        self.put_in.append(value)

    def end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("sampled", [True, False])
def test_a_streamer_is_handed_every_token(
    sampled: bool, model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]
) -> None:
    streamer = Collector()
    torch.manual_seed(1)
    found = model.generate(**audio, streamer=streamer, max_length=9, do_sample=sampled)
    beginning, *tokens = streamer.put_in
    assert beginning.tolist() == [[2], [2], [2]]
    assert all(token.shape == (3,) for token in tokens)
    assert torch.equal(torch.cat([beginning, torch.stack(tokens, dim=1)], dim=1), found)
    assert streamer.ended == 1
    assert not any(value.is_inference() for value in streamer.put_in)
    with pytest.raises(InputError, match="streamer"):
        model.generate(**audio, streamer=streamer, num_beams=2)


def test_options_are_updated_and_made_of_dictionaries(tmp_path: Path) -> None:
    options = GenerationConfig.from_dict({"max_length": 7, "of_mine": 1}, num_beams=4)
    assert (options.max_length, options.num_beams, options.of_mine) == (7, 4, 1)  # type: ignore[attr-defined]
    assert options.update(num_beams=2, no_option=3) == {"no_option": 3}
    assert options.num_beams == 2
    assert not hasattr(options, "no_option")
    options.save_pretrained(tmp_path / "inner")
    assert GenerationConfig.from_pretrained(tmp_path, subfolder="inner", resume_download=True) == options
    assert GenerationConfig.from_pretrained(tmp_path / "inner", num_beams=5).num_beams == 5


def test_past_the_position_table(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    for beams in (1, 3):
        assert model.generate(**audio, num_beams=beams, min_length=60, max_length=60).shape[1] == 60


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"beams": 3}, "no option beams"),
        ({"early_stopping": "soon"}, "early_stopping"),
        ({"num_return_sequences": 2}, "num_beams or do_sample"),
        ({"num_beams": 2, "num_return_sequences": 3}, "must not exceed"),
        ({"num_beams": 0}, "at least 1"),
        ({"do_sample": True, "temperature": 0.0}, "temperature"),
        ({"do_sample": True, "top_p": 1.5}, "top_p"),
        ({"repetition_penalty": -1.0}, "repetition_penalty"),
        ({"num_beams": 4, "num_beam_groups": 2}, "group beam search"),
        ({"penalty_alpha": 0.6}, "contrastive"),
        ({"decoder_input_ids": torch.ones(1, 2, dtype=torch.long)}, "decoder_input_ids"),
        ({"num_beams": 2, "max_length": 2, "decoder_input_ids": torch.full((3, 4), 2)}, "max_length"),
        ({"bad_words_ids": [[]]}, "at least one"),
        ({"decoder_start_token_id": 40}, "token id 40"),
        ({"pad_token_id": -1}, "token id -1"),
        ({"bad_words_ids": [[3, 40]]}, "token id 40 is outside"),
        ({"suppress_tokens": [5, -1]}, "token id -1 is outside"),
        ({"begin_suppress_tokens": [41]}, "token id 41 is outside"),
        ({"forced_bos_token_id": 42}, "token id 42 is outside"),
        ({"exponential_decay_length_penalty": (1, 1.2), "eos_token_id": [2, 43]}, "token id 43 is outside"),
        ({"eos_ids": [3]}, "no option eos_ids"),
        ({"validate": True}, "no option validate"),
        ({"max_length": None}, "cannot both be None"),
        ({"num_beams": 2, "length_penalty": None}, "length_penalty"),
        ({"input_values": torch.zeros(3, 900)}, "inputs and input_values are two names"),
        ({"decoder_input_ids": torch.full((3, 1), 2), "input_ids": torch.full((3, 1), 2)}, "two names"),
        ({"attention_mask": torch.ones(3, 901, dtype=torch.long)}, r"shape \[3, 901\], the audio \[3, 900\]"),
        ({"attention_mask": torch.ones(2, 900, dtype=torch.long)}, r"shape \[2, 900\]"),
    ],
)
def test_refusals(
    options: dict[str, Any], cause: str, model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]
) -> None:
    with pytest.raises(InputError, match=cause):
        model.generate(**{**audio, **options})


def test_bad_audio_and_tokens(model: SpeechEncoderDecoderModel, audio: dict[str, Tensor]) -> None:
    with pytest.raises(AudioInputError, match="finite"):
        model.generate(torch.full((1, 900), torch.nan))
    with pytest.raises(InputError, match="audio"):
        model.generate()
    with pytest.raises(TokenInputError, match="40"):
        model.generate(**audio, decoder_input_ids=torch.full((3, 2), 40))


@pytest.mark.parametrize("beams", [1, 3])
def test_the_models_own_end_ends_a_sequence_where_the_options_have_none(
    model: SpeechEncoderDecoderModel, audio: dict[str, Tensor], beams: int
) -> None:
    own, model.generation_config = model.generation_config, GenerationConfig(eos_token_id=7, pad_token_id=1)
    try:
        options = GenerationConfig(max_length=12, num_beams=beams, decoder_start_token_id=2)
        expected = model.generate(**audio, max_length=12, num_beams=beams, decoder_start_token_id=2)
        assert torch.equal(model.generate(**audio, generation_config=options), expected)
        model.generation_config = GenerationConfig(eos_token_id=None, pad_token_id=1)
        endless = model.generate(**audio, max_length=12, num_beams=beams, decoder_start_token_id=2)
        model.generation_config = GenerationConfig(eos_token_id=int(endless[0, 2]), pad_token_id=1)
        assert not torch.equal(model.generate(**audio, generation_config=options), endless)
    finally:
        model.generation_config = own
