"""Configurations: defaults, JSON round trip, unknown keys, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from s2t2_live import HubertConfig, Speech2Text2Config, SpeechEncoderDecoderConfig, Wav2Vec2Config
from s2t2_live.errors import CheckpointError, OutputError
from s2t2_live.speech2text2.model_config import ModelConfig


def composite(**named: object) -> SpeechEncoderDecoderConfig:
    return SpeechEncoderDecoderConfig.from_encoder_decoder_configs(Wav2Vec2Config(), Speech2Text2Config(), **named)


def test_defaults_of_the_decoder() -> None:
    config = Speech2Text2Config()
    assert (config.vocab_size, config.d_model, config.decoder_layers, config.decoder_ffn_dim) == (10000, 256, 6, 2048)
    assert (config.bos_token_id, config.pad_token_id, config.eos_token_id, config.decoder_start_token_id) == (
        0,
        1,
        2,
        2,
    )
    assert config.num_hidden_layers == 6
    assert config.hidden_size == 256
    assert config.num_attention_heads == 4
    assert config.tie_word_embeddings


def test_positional_arguments_follow_the_documented_order() -> None:
    config = Speech2Text2Config(500, 3, 64)
    assert (config.vocab_size, config.decoder_layers, config.decoder_ffn_dim) == (500, 3, 64)
    for kind in (Wav2Vec2Config, HubertConfig):
        encoder = kind(40, 24, 3, 2, 96, "relu", 0.2, 0.3, 0.4)
        assert (encoder.vocab_size, encoder.hidden_size, encoder.num_hidden_layers) == (40, 24, 3)
        assert (encoder.hidden_dropout, encoder.activation_dropout, encoder.attention_dropout) == (0.2, 0.3, 0.4)
        with pytest.raises(TypeError, match="at most 9 positional"):
            kind(40, 24, 3, 2, 96, "relu", 0.2, 0.3, 0.4, 0.5)


def test_defaults_are_not_shared() -> None:
    Wav2Vec2Config().conv_dim.append(1)
    assert len(Wav2Vec2Config().conv_dim) == 7


@pytest.mark.parametrize("kind", [Wav2Vec2Config, HubertConfig, Speech2Text2Config])
def test_round_trip(kind: type[ModelConfig], tmp_path: Path) -> None:
    config = kind(vocab_size=77, pad_token_id=5, something_else={"a": [1, 2]}, id2label={0: "no", 1: "yes", 2: "so"})
    config.save_pretrained(tmp_path)
    loaded = kind.from_pretrained(tmp_path)
    assert loaded == config
    assert loaded.something_else == {"a": [1, 2]}  # type: ignore[attr-defined]
    assert loaded.num_labels == 3
    assert kind.from_dict(config.to_dict()) == config


def test_composite_round_trip(tmp_path: Path) -> None:
    config = composite(pad_token_id=1, decoder_start_token_id=0, extra=[1])
    config.encoder.hidden_act = "silu"
    config.save_pretrained(tmp_path)
    loaded = SpeechEncoderDecoderConfig.from_pretrained(tmp_path)
    assert loaded == config
    assert isinstance(loaded.encoder, Wav2Vec2Config)
    assert loaded.decoder.add_cross_attention
    assert loaded.is_encoder_decoder


def test_file_holds_only_what_differs() -> None:
    fields = json.loads(Wav2Vec2Config(hidden_size=24).to_json_string())
    assert fields["hidden_size"] == 24
    assert "temperature" not in fields


def test_overrides(tmp_path: Path) -> None:
    Wav2Vec2Config().save_pretrained(tmp_path)
    assert Wav2Vec2Config.from_pretrained(tmp_path, layerdrop=0.0).layerdrop == 0.0
    config = Wav2Vec2Config.from_pretrained(pretrained_model_name_or_path=tmp_path, use_auth_token=None)
    assert not hasattr(config, "use_auth_token")
    config.update({"layerdrop": 0.3, "of_mine": 1})
    assert (config.layerdrop, config.to_dict()["of_mine"]) == (0.3, 1)


def test_overrides_that_are_no_fields_are_returned_on_request(tmp_path: Path) -> None:
    Wav2Vec2Config(hidden_size=24).save_pretrained(tmp_path / "inner")
    options = {"subfolder": "inner", "trust_remote_code": True, "layerdrop": 0.3, "of_mine": 1}
    config, unused = Wav2Vec2Config.from_pretrained(tmp_path, return_unused_kwargs=True, **options)
    assert (config.hidden_size, config.layerdrop, unused) == (24, 0.3, {"of_mine": 1})
    assert Wav2Vec2Config.from_dict({}, return_unused_kwargs=True) == (Wav2Vec2Config(), {})
    config = Wav2Vec2Config.from_pretrained(tmp_path, return_unused_kwargs=False, **options)
    assert not {"of_mine", "return_unused_kwargs", "trust_remote_code"} & config.to_dict().keys()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match=r"taken.config\.json cannot be written"):
        Wav2Vec2Config().save_pretrained(tmp_path / "taken")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "not valid JSON"),
        ("[1]", "JSON object"),
        ('{"model_type": "bart"}', '"bart"'),
        ('{"conv_dim": 5}', r"config\.json describes no Wav2Vec2Config"),
        ('{"id2label": [1]}', r"config\.json describes no Wav2Vec2Config"),
        ('{"conv_stride": [0, 2, 2, 2, 2, 2, 2]}', "conv_stride must hold positive whole numbers"),
    ],
)
def test_broken_files_are_refused(text: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=cause):
        Wav2Vec2Config.from_pretrained(tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Wav2Vec2Config.from_pretrained(tmp_path)


def test_foreign_parts_are_refused() -> None:
    with pytest.raises(CheckpointError, match="bert"):
        SpeechEncoderDecoderConfig(encoder={"model_type": "bert"}, decoder=Speech2Text2Config())
    with pytest.raises(CheckpointError, match="both"):
        SpeechEncoderDecoderConfig(encoder=Wav2Vec2Config())


def test_convolutions_must_agree() -> None:
    with pytest.raises(CheckpointError, match="conv_dim"):
        Wav2Vec2Config(conv_dim=[4, 4])
    with pytest.raises(CheckpointError, match="feat_extract_norm"):
        HubertConfig(feat_extract_norm="batch")


def test_samples_per_frame() -> None:
    assert Wav2Vec2Config().inputs_to_logits_ratio == 320
