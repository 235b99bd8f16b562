"""Normalisation, padding, refusals and the file of the feature extractor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from s2t2_live import Wav2Vec2FeatureExtractor
from s2t2_live.errors import AudioInputError, CheckpointError, ModelNotFoundError

RATE = 16000
NOISE = np.random.default_rng(5).normal(0.3, 2.0, size=2000).astype(np.float32)


def extract(raw: Any, **options: Any) -> Any:
    init = {name: options.pop(name) for name in ("do_normalize", "padding_side", "padding_value") if name in options}
    return Wav2Vec2FeatureExtractor(**init)(raw, sampling_rate=RATE, **options)


def test_a_waveform_gets_zero_mean_and_unit_variance() -> None:
    (values,) = extract(NOISE).input_values
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=1e-5)
    assert values.var() == pytest.approx(1, abs=1e-4)


def test_silence_stays_silent() -> None:
    assert not extract(np.full(500, 0.25, dtype=np.float32)).input_values[0].any()


def test_without_normalisation_samples_stay_as_they_are() -> None:
    assert np.array_equal(extract(NOISE, do_normalize=False).input_values[0], NOISE)


@pytest.mark.parametrize("kind", [np.asarray, list, tuple, torch.tensor])
def test_one_waveform_in_every_form(kind: Any) -> None:
    expected = extract(NOISE[:600]).input_values[0]
    (values,) = extract(kind(NOISE[:600].astype(float))).input_values
    np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("kind", [np.stack, list, lambda rows: torch.tensor(np.stack(rows))])
def test_a_batch_in_every_form(kind: Any) -> None:
    rows = [NOISE[:700], NOISE[700:1400]]
    values = extract(kind(rows), return_tensors="pt").input_values
    assert values.shape == (2, 700)
    assert torch.equal(values[1], extract(rows[1], return_tensors="pt").input_values[0])


def test_with_a_mask_padding_does_not_count() -> None:
    features = extract([NOISE[:500], NOISE[:900]], padding=True, return_attention_mask=True, return_tensors="np")
    assert features.input_values.shape == features.attention_mask.shape == (2, 900)
    assert features.attention_mask.dtype == np.int32
    assert features.attention_mask.sum(axis=1).tolist() == [500, 900]
    assert not features.input_values[0, 500:].any()
    np.testing.assert_array_equal(features.input_values[0, :500], extract(NOISE[:500]).input_values[0])


def test_without_a_mask_padding_counts() -> None:
    features = extract([NOISE[:500], NOISE[:900]], padding=True)
    assert "attention_mask" not in features
    assert features.input_values[0][500:].any()
    assert features.input_values[0].mean() == pytest.approx(0, abs=1e-5)


def test_padding_on_the_left_leaves_the_audio_whole() -> None:
    features = extract([NOISE[:500], NOISE[:900]], padding=True, padding_side="left", return_attention_mask=True)
    np.testing.assert_allclose(features.input_values[0][400:], extract(NOISE[:500]).input_values[0], atol=1e-6)
    assert not features.input_values[0][:400].any()
    assert features.attention_mask[0].tolist() == [0] * 400 + [1] * 500


def test_lengths() -> None:
    def lengths(**options: Any) -> list[int]:
        return [len(row) for row in extract([NOISE[:500], NOISE[:900]], **options).input_values]

    assert lengths() == [500, 900]
    assert lengths(padding="longest", pad_to_multiple_of=640) == [1280, 1280]
    assert lengths(padding="max_length", max_length=1000) == [1000, 1000]
    assert lengths(padding="max_length", max_length=600, truncation=True) == [600, 600]
    assert lengths(max_length=600, truncation=True) == [500, 600]
    assert lengths(padding=True, max_length=600, truncation=True) == [600, 600]


def test_the_batch_is_moved_and_converted() -> None:
    features = extract(NOISE, return_attention_mask=True, return_tensors="pt")
    assert features.to("cpu", torch.float16) is features
    assert features.input_values.dtype == torch.float16
    assert features.attention_mask.dtype == torch.int32
    assert set(features) == {"input_values", "attention_mask"}
    assert features[:0]["input_values"].shape == (0, 2000)
    with pytest.raises(AttributeError):
        _ = features.nothing
    with pytest.raises(ValueError, match="return_tensors='pt'"):
        extract(NOISE).to("cpu")


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        (NOISE, {"sampling_rate": 8000}, "8000 Hz, the model needs 16000 Hz"),
        (np.zeros((2, 3, 400)), {}, r"shape \(3, 400\)"),
        ([np.zeros((1, 400))], {}, r"shape \(1, 400\)"),
        (np.float32(3), {}, r"shape \(\)"),
        (np.array([0.1, np.nan]), {}, "NaN"),
        ([NOISE, np.array([0.1, np.inf])], {"padding": True}, "waveform 2 holds NaN"),
        (np.zeros(0), {}, "no samples"),
        ([], {}, "no samples"),
        ([NOISE, []], {"padding": True}, "waveform 2 has no samples"),
        (["a", "b"], {}, "not samples"),
        (np.array([1j]), {}, "not samples"),
        ([NOISE, NOISE[:100]], {"return_tensors": "pt"}, "different lengths"),
        (NOISE, {"padding": "max_length"}, "need max_length"),
        (NOISE, {"truncation": True}, "need max_length"),
        (NOISE, {"padding": "most"}, "padding is 'most'"),
        (NOISE, {"return_tensors": "tf"}, "return_tensors is 'tf'"),
    ],
)
def test_bad_input_is_refused(raw: Any, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Wav2Vec2FeatureExtractor()(raw, **{"sampling_rate": RATE, **options})


def test_a_missing_rate_is_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    Wav2Vec2FeatureExtractor()(NOISE)
    assert "16000 Hz" in caplog.text


def test_a_collator_pads_prepared_examples() -> None:
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    examples = [{"input_values": extract(NOISE[:n]).input_values[0]} for n in (400, 600)]
    batch = extractor.pad(examples, return_tensors="pt")
    assert batch.input_values.shape == (2, 600)
    assert batch.attention_mask.sum(dim=1).tolist() == [400, 600]
    tensors = extractor.pad([{"input_values": torch.ones(3)}, {"input_values": torch.ones(5)}])
    assert isinstance(tensors.input_values, torch.Tensor)
    arrays = extractor.pad([{"input_values": [1.0, 2.0], "labels": [1]}, {"input_values": [3.0], "labels": [2]}])
    assert arrays.input_values.tolist() == [[1.0, 2.0], [3.0, 0.0]]
    assert arrays.labels.tolist() == [[1], [2]]
    with pytest.raises(AudioInputError, match="no input_values"):
        extractor.pad({"input_ids": [1]})


def test_the_file_comes_back(tmp_path: Path) -> None:
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True, do_normalize=False, something="else")
    (path,) = extractor.save_pretrained(tmp_path / "new")
    assert json.loads(Path(path).read_text())["something"] == "else"
    for origin in (tmp_path / "new", Path(path), str(path)):
        assert Wav2Vec2FeatureExtractor.from_pretrained(origin).to_dict() == extractor.to_dict()
    changed = Wav2Vec2FeatureExtractor.from_pretrained(path, do_normalize=True, something="new", do_lower_case=True)
    assert changed.to_dict() == {**extractor.to_dict(), "do_normalize": True, "something": "new"}


def test_its_text_is_that_of_its_file(tmp_path: Path) -> None:
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True, processor_class="Speech2Text2Processor")
    extractor.save_pretrained(tmp_path)
    extractor.to_json_file(tmp_path / "other.json")
    text = (tmp_path / "preprocessor_config.json").read_text(encoding="utf-8")
    assert extractor.to_json_string() == text == (tmp_path / "other.json").read_text(encoding="utf-8")
    assert Wav2Vec2FeatureExtractor.from_json_file(tmp_path / "other.json").to_dict() == extractor.to_dict()


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json"):
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    with pytest.raises(ModelNotFoundError, match="missing"):
        Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "missing")
    with pytest.raises(AudioInputError, match="padding_side is 'up'"):
        Wav2Vec2FeatureExtractor(padding_side="up")


def test_waveforms_can_be_normalised_without_an_extractor() -> None:
    plain, masked = np.array([1.0, 3.0]), np.array([1.0, 3.0, 7.0])
    assert np.allclose(Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm([plain], None), [[-1.0, 1.0]])
    masks = [np.array([1, 1, 0])]
    assert np.allclose(Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm([masked], masks, 0.5), [[-1.0, 1.0, 0.5]])
