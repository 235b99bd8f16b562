"""The processor: audio, text and both through one call."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from s2t2_live import Speech2Text2Processor, Speech2Text2Tokenizer, Wav2Vec2FeatureExtractor
from s2t2_live.errors import InputError

RATE = 16000
NOISE = np.random.default_rng(6).normal(size=1000).astype(np.float32)


@pytest.fixture
def processor(small_checkpoint: Path) -> Speech2Text2Processor:
    return Speech2Text2Processor.from_pretrained(small_checkpoint)


def test_audio_goes_to_the_feature_extractor(processor: Speech2Text2Processor) -> None:
    expected = processor.feature_extractor(NOISE, sampling_rate=RATE, return_tensors="pt")
    for features in (
        processor(NOISE, sampling_rate=RATE, return_tensors="pt"),
        processor(audio=NOISE, sampling_rate=RATE, return_tensors="pt"),
    ):
        assert torch.equal(features.input_values, expected.input_values)
        assert torch.equal(features.attention_mask, expected.attention_mask)


def test_text_goes_to_the_tokenizer(processor: Speech2Text2Processor) -> None:
    assert processor(text="Guten Morgen").data == processor.tokenizer("Guten Morgen").data


def test_both_give_labels(processor: Speech2Text2Processor) -> None:
    batch = processor(
        [NOISE, NOISE[:600]], text=["Guten Morgen", "Der Zug nach"], sampling_rate=RATE, padding=True,
        return_tensors="pt",
    )  # fmt: skip
    assert set(batch) == {"input_values", "attention_mask", "labels"}
    assert batch.labels.tolist() == processor.tokenizer(["Guten Morgen", "Der Zug nach"], padding=True)["input_ids"]


def test_decoding_goes_to_the_tokenizer(processor: Speech2Text2Processor) -> None:
    ids = processor.tokenizer.encode("Guten Morgen ?")
    assert processor.decode([*ids, 2], skip_special_tokens=True) == "Guten Morgen?"
    assert processor.batch_decode(torch.tensor([[*ids, 2]])) == ["Guten Morgen? </s>"]


def test_as_target_processor_is_deprecated_but_works(processor: Speech2Text2Processor) -> None:
    with pytest.warns(UserWarning, match="deprecated"), processor.as_target_processor():
        labels = processor("Guten Morgen").input_ids
    assert labels == processor.tokenizer.encode("Guten Morgen")
    assert "input_values" in processor(NOISE, sampling_rate=RATE)

    with warnings.catch_warnings(action="ignore"), pytest.raises(RuntimeError), processor.as_target_processor():
        raise RuntimeError
    assert "input_values" in processor(NOISE, sampling_rate=RATE)


def test_raw_speech_is_deprecated_but_works(processor: Speech2Text2Processor) -> None:
    with pytest.warns(UserWarning, match="raw_speech"):
        assert "input_values" in processor(raw_speech=NOISE, sampling_rate=RATE)


def test_nothing_is_refused(processor: Speech2Text2Processor) -> None:
    with pytest.raises(InputError, match="nothing to process"):
        processor(sampling_rate=RATE)


def test_its_input_names_are_those_of_the_audio(processor: Speech2Text2Processor) -> None:
    assert processor.model_input_names == ["input_values", "attention_mask"]


def test_saving_does_not_upload(processor: Speech2Text2Processor, tmp_path: Path) -> None:
    for part in (processor, processor.feature_extractor, processor.tokenizer):
        with pytest.raises(InputError, match="hf upload"):
            part.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="owner/name")
    assert not (tmp_path / "saved").exists()
    processor.save_pretrained(tmp_path / "saved", push_to_hub=False)
    assert Speech2Text2Processor.from_pretrained(tmp_path / "saved").tokenizer.pad_token == "<pad>"


def test_parts_of_the_wrong_kind_are_refused(processor: Speech2Text2Processor) -> None:
    with pytest.raises(InputError, match="feature_extractor is a Speech2Text2Tokenizer"):
        Speech2Text2Processor(processor.tokenizer, processor.feature_extractor)  # type: ignore[arg-type]


def test_the_files_come_back(processor: Speech2Text2Processor, tmp_path: Path) -> None:
    paths = processor.save_pretrained(tmp_path / "saved")
    assert {Path(path).name for path in paths} == {path.name for path in (tmp_path / "saved").iterdir()}
    for name in ("preprocessor_config.json", "tokenizer_config.json"):
        assert json.loads((tmp_path / "saved" / name).read_text())["processor_class"] == "Speech2Text2Processor"
    again = Speech2Text2Processor.from_pretrained(tmp_path / "saved")
    assert again.feature_extractor.to_dict() == processor.feature_extractor.to_dict()
    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()


def test_options_override_the_files(small_checkpoint: Path) -> None:
    processor = Speech2Text2Processor.from_pretrained(small_checkpoint, do_lower_case=True)
    assert processor.tokenizer.do_lower_case
    assert isinstance(processor.feature_extractor, Wav2Vec2FeatureExtractor)
    assert isinstance(processor.tokenizer, Speech2Text2Tokenizer)
