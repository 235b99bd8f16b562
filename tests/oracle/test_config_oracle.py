"""Configurations against transformers 4.37.2: fields, defaults, files, and the options of generation in them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import s2t2_live
from s2t2_live.speech2text2.generation_config import GenerationConfig

pytestmark = pytest.mark.oracle

REFERENCE = Path(__file__).with_name("config_reference.py")
# Which version wrote it, and what either side keeps of the way in which the options came about.
OWN = {"transformers_version", "_name_or_path", "_from_model_config", "generation_kwargs", "output_cross_attentions"}
ENCODER = {"model_type": "wav2vec2", "hidden_size": 24, "num_attention_heads": 2, "stray": {"a": [1, None]}}
DECODER = {"model_type": "speech_to_text_2", "d_model": 12, "decoder_layers": 7, "num_beams": 5, "max_length": 200}
# Like the published ones: fields of another model in the decoder, options of generation on both levels.
PUBLISHED = {
    "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "tie_word_embeddings": False, "max_length": 150,
    "tokenizer_class": "speech_to_text_2", "feature_extractor_type": "wav2vec2", "encoder": ENCODER,
    "decoder": {**DECODER, "early_stopping": True, "conv_channels": 1024, "is_encoder_decoder": True},
}  # fmt: skip
FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("Wav2Vec2Config", {}),
    ("HubertConfig", {}),
    ("Speech2Text2Config", {}),
    ("Wav2Vec2Config", {"conv_dim": [8, 8], "conv_kernel": [9, 3], "conv_stride": [5, 2], "output_hidden_size": 20}),
    ("Wav2Vec2Config", {"adapter_attn_dim": 16, "num_labels": 3, "unknown": "kept", "torch_dtype": "float16"}),
    ("HubertConfig", {"feat_proj_layer_norm": False, "pruned_heads": {"0": [1]}, "id2label": {"0": "a", "1": "b"}}),
    ("Speech2Text2Config", {"decoder_layers": 3, "num_beams": 4, "eos_token_id": [2, 3], "forced_bos_token_id": 5}),
    ("Speech2Text2Config", {"hidden_size": 32, "num_attention_heads": 8, "tie_word_embeddings": False}),
    ("SpeechEncoderDecoderConfig", {"encoder": ENCODER, "decoder": DECODER}),
    ("SpeechEncoderDecoderConfig", {"encoder": {"model_type": "hubert"}, "decoder": DECODER, "length_penalty": 0.5}),
    ("SpeechEncoderDecoderConfig", PUBLISHED),
]
OVERRIDES = {"pad_token_id": 7, "max_length": 33, "no_such_field": 1}


def compared(fields: Any) -> Any:
    """As JSON gives it back, without what may differ."""
    if isinstance(fields, dict):
        return {name: compared(value) for name, value in fields.items() if name not in OWN}
    return fields


def described(config: Any) -> dict[str, Any]:
    options = GenerationConfig.from_model_config(config).to_dict()
    whole = {"all": config.to_dict(), "file": json.loads(config.to_json_string()), "generation": options}
    found: dict[str, Any] = compared(json.loads(json.dumps(whole)))
    return found


def test_fields_defaults_and_files_are_equal(oracle: Any, tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = []
    for number, (name, fields) in enumerate(FIELDS):
        getattr(s2t2_live, name)(**fields).save_pretrained(tmp_path / f"ours-{number}")
        made = {"class": name, "fields": fields, "save": str(tmp_path / f"theirs-{number}")}
        loaded = {"class": name, "folder": str(tmp_path / f"ours-{number}"), "overrides": OVERRIDES}
        cases += [made, {**loaded, "save": str(tmp_path / "again")}]
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    command = [str(oracle.python), str(REFERENCE), str(tmp_path / "cases.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    answers = [compared(answer) for answer in json.loads(done.stdout)]
    for number, (name, fields) in enumerate(FIELDS):
        kind = getattr(s2t2_live, name)
        made, loaded = answers[2 * number : 2 * number + 2]
        assert described(kind(**fields)) == made, (name, fields)
        assert described(kind.from_pretrained(tmp_path / f"theirs-{number}")) == made, (name, fields)
        assert described(kind.from_pretrained(tmp_path / f"ours-{number}", **OVERRIDES)) == loaded, (name, fields)
