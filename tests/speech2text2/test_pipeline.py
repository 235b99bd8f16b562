"""The pipeline: recordings in every form, batches, and refusals."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from s2t2_live import (
    Speech2Text2Tokenizer,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    Wav2Vec2FeatureExtractor,
    pipeline,
)
from s2t2_live.errors import AudioInputError, InputError, ModelNotFoundError, RecordingError
from s2t2_live.speech2text2.pipeline import AutomaticSpeechRecognitionPipeline

RATE = 16000
TASK = "automatic-speech-recognition"


def tones(seconds: float, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A different sound for each seed, with nothing above 4 kHz, so that resampling changes little."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    waves = [
        np.sin(2 * np.pi * f * time + p) * np.sin(np.pi * time * r) for f, p, r in draw.random((8, 3)) * (3000, 6, 9)
    ]
    return (0.1 * np.sum(waves, axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def asr(small_checkpoint: Path) -> AutomaticSpeechRecognitionPipeline:
    return pipeline(TASK, model=small_checkpoint, max_new_tokens=12)


@pytest.fixture(scope="module")
def sound() -> np.ndarray[Any, np.dtype[np.float32]]:
    return tones(1.2, 1)


def expected(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> dict[str, str]:
    features = asr.feature_extractor(sound, sampling_rate=RATE, return_tensors="pt")
    tokens = asr.model.generate(features.input_values, attention_mask=features.attention_mask, max_new_tokens=12)
    return {"text": asr.tokenizer.decode(tokens[0], skip_special_tokens=True)}


def test_the_text_is_what_the_parts_give(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    assert asr(sound) == expected(asr, sound)
    assert asr(sound)["text"] != asr(tones(1.5, 2))["text"]


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_paths_and_bytes(asr: AutomaticSpeechRecognitionPipeline, sound: Any, tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound, RATE, subtype=subtype)
    assert asr(path) == asr(str(path)) == asr(path.read_bytes()) == expected(asr, sound)


def test_channels_are_mixed_and_the_rate_is_changed(
    asr: AutomaticSpeechRecognitionPipeline, sound: Any, tmp_path: Path
) -> None:
    path = tmp_path / "sound.flac"
    upsampled = soxr.resample(sound, RATE, 44100)
    soundfile.write(path, np.stack([upsampled * 1.5, upsampled * 0.5], axis=1), 44100, subtype="PCM_24")
    assert asr(path) == expected(asr, sound)


@pytest.mark.parametrize("key", ["raw", "array"])
def test_dictionaries(asr: AutomaticSpeechRecognitionPipeline, sound: Any, key: str) -> None:
    given = {"sampling_rate": RATE, key: sound, "speaker": 7}
    if key == "array":
        given["path"] = "somewhere.flac"
    before = dict(given)
    assert asr(given) == {**expected(asr, sound), "speaker": [7]}
    assert given == before
    assert asr({"sampling_rate": 48000, key: soxr.resample(sound, RATE, 48000)}) == expected(asr, sound)


def test_tensors_and_other_sample_types(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    for given in (torch.from_numpy(sound), sound.astype(np.float64), sound * 0.25):
        assert asr(given) == expected(asr, sound)
    assert set(asr((sound * 2**14).astype(np.int16))) == {"text"}


def test_lists_batches_and_iterators(asr: AutomaticSpeechRecognitionPipeline) -> None:
    sounds = [tones(0.4 + 0.3 * seed, seed) for seed in range(5)]
    singly = [expected(asr, sound) for sound in sounds]
    assert asr(sounds) == singly
    assert asr(tuple(sounds), batch_size=2) == singly
    assert asr(sounds, batch_size=8) == singly
    results = asr(iter(sounds), batch_size=3)
    assert next(results) == singly[0]
    assert list(results) == singly[1:]
    assert asr([]) == []


class Recordings(Dataset[Any]):
    def __init__(self, sounds: list[Any]) -> None:
        self.sounds = sounds

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, index: int) -> Any:
        return {"raw": self.sounds[index], "sampling_rate": RATE, "elsewhere": get_worker_info() is not None}


class Stream(IterableDataset[Any]):
    def __init__(self, sounds: list[Any]) -> None:
        self.recordings = Recordings(sounds)

    def __iter__(self) -> Iterator[Any]:
        return (self.recordings[index] for index in range(len(self.recordings)))


@pytest.mark.parametrize("kind", [Recordings, Stream])
def test_datasets(asr: AutomaticSpeechRecognitionPipeline, kind: Any) -> None:
    sounds = [tones(0.4 + 0.3 * seed, seed) for seed in range(3)]
    results = asr(kind(sounds), batch_size=2)
    assert next(results) == {**expected(asr, sounds[0]), "elsewhere": [False]}
    assert list(results) == [{**expected(asr, sound), "elsewhere": [False]} for sound in sounds[1:]]


def test_workers_read_datasets(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    busy = AutomaticSpeechRecognitionPipeline(
        asr.model, asr.feature_extractor, asr.tokenizer, num_workers=1, max_new_tokens=12
    )
    here, elsewhere = ([{**expected(asr, sound), "elsewhere": [place]}] for place in (False, True))
    assert list(asr(Recordings([sound]), num_workers=1)) == list(busy(Recordings([sound]))) == elsewhere
    assert list(busy(Recordings([sound]), num_workers=0)) == here


def test_arguments_of_generate(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    short = asr(sound, max_new_tokens=3)["text"]
    assert asr(sound, generate_kwargs={"max_new_tokens": 3})["text"] == short
    assert len(short) < len(asr(sound)["text"])
    with pytest.raises(InputError, match="given twice"):
        asr(sound, max_new_tokens=3, generate_kwargs={"max_new_tokens": 4})
    with pytest.raises(InputError, match="num_return_sequences"):
        asr(sound, generate_kwargs={"num_beams": 2, "num_return_sequences": 2})


def test_a_calls_arguments_of_generate_replace_the_pipelines(small_checkpoint: Path, sound: Any) -> None:
    asr = pipeline(TASK, model=small_checkpoint, generate_kwargs={"max_new_tokens": 12})
    long, short = asr(sound)["text"], asr(sound, generate_kwargs={"max_length": 4})["text"]
    assert len(short) < len(long)
    assert asr(sound)["text"] == long


def test_parts_may_be_objects(small_checkpoint: Path, asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    made = pipeline(
        TASK,
        model=SpeechEncoderDecoderModel.from_pretrained(small_checkpoint),
        tokenizer=Speech2Text2Tokenizer.from_pretrained(small_checkpoint),
        feature_extractor=Wav2Vec2FeatureExtractor.from_pretrained(small_checkpoint),
        device=-1,
        generate_kwargs={"max_new_tokens": 12},
    )
    assert made(sound) == asr(sound)
    mixed = pipeline(TASK, model=made.model, tokenizer=small_checkpoint, feature_extractor=str(small_checkpoint))
    assert mixed(sound, max_new_tokens=12) == asr(sound)
    with pytest.raises(InputError, match="pass tokenizer"):
        pipeline(TASK, model=made.model)


def test_arguments_that_other_models_need(asr: AutomaticSpeechRecognitionPipeline, sound: Any) -> None:
    parts = {"tokenizer": asr.tokenizer, "feature_extractor": asr.feature_extractor}
    given: dict[str, Any] = {"framework": "pt", "use_fast": False, "num_workers": 0, "max_new_tokens": 12}
    for dtype in (torch.float32, torch.float16, "auto"):
        assert pipeline(TASK, model=asr.model, torch_dtype=dtype, **parts, **given)(sound) == asr(sound)
    for options in ({"framework": "tf"}, {"device_map": "auto"}, {"volume": 11}):
        with pytest.raises(InputError, match=next(iter(options))):
            pipeline(TASK, model=asr.model, **parts, **options)
    with pytest.raises(InputError, match="volume"):
        asr(sound, volume=11)
    assert asr(sound, stride_length_s=1, ignore_warning=True, decoder_kwargs=None, return_language=None) == asr(sound)


def test_arguments_of_loading_the_model(small_checkpoint: Path, asr: AutomaticSpeechRecognitionPipeline) -> None:
    made = pipeline(TASK, small_checkpoint, model_kwargs={"torch_dtype": torch.float64, "local_files_only": True})
    assert made.model.dtype == torch.float64
    with pytest.raises(InputError, match="given twice"):
        pipeline(TASK, small_checkpoint, model_kwargs={"torch_dtype": torch.float64}, torch_dtype=torch.float64)
    config = SpeechEncoderDecoderConfig.from_pretrained(small_checkpoint)
    config.max_length = 7
    made = pipeline(TASK, small_checkpoint, config, asr.tokenizer, asr.feature_extractor, revision=None)
    assert made.model.config.max_length == 7
    assert made.tokenizer is asr.tokenizer
    assert made.feature_extractor is asr.feature_extractor


def test_a_pipeline_says_where_it_runs(small_checkpoint: Path) -> None:
    made = pipeline(TASK, small_checkpoint, device="meta")
    assert (made.device, made.framework) == (torch.device("meta"), "pt")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_named(small_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="device=0"):
        pipeline(TASK, small_checkpoint, device=0)


@pytest.mark.parametrize(("safe", "weights"), [(True, "model.safetensors"), (False, "pytorch_model.bin")])
def test_a_pipeline_comes_back(
    asr: AutomaticSpeechRecognitionPipeline, sound: Any, tmp_path: Path, safe: bool, weights: str
) -> None:
    asr.save_pretrained(tmp_path / "saved", safe_serialization=safe)
    assert (tmp_path / "saved" / weights).exists()
    assert pipeline(TASK, tmp_path / "saved", max_new_tokens=12)(sound) == asr(sound)


def test_unknown_tasks_and_models_are_refused(small_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="translation"):
        pipeline("translation", model=small_checkpoint)
    with pytest.raises(ModelNotFoundError, match="no-such"):
        pipeline(TASK, model=small_checkpoint / "no-such")
    with pytest.raises(InputError, match="is a str"):
        AutomaticSpeechRecognitionPipeline("model", None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("missing.wav", RecordingError, "missing.wav"),
        ("https://example.org/a.wav", RecordingError, "download"),
        (b"no audio at all", RecordingError, "bytes"),
        (b"", RecordingError, "bytes"),
        (np.zeros((2, 400), dtype=np.float32), AudioInputError, r"\(2, 400\)"),
        (np.array([np.nan] * 800), AudioInputError, "NaN"),
        ({"raw": np.zeros(800)}, InputError, "sampling_rate"),
        ({"sampling_rate": RATE}, InputError, "raw"),
        ({"raw": np.zeros(800), "sampling_rate": RATE, "stride": (1, 1)}, InputError, "stride"),
        (3.5, InputError, "is given as a float"),
    ],
)
def test_bad_recordings_are_refused(
    asr: AutomaticSpeechRecognitionPipeline, given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asr(given)


def test_bad_files_are_named(asr: AutomaticSpeechRecognitionPipeline, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("This is not audio.")
    with pytest.raises(RecordingError, match=r"text\.wav is not audio"):
        asr(text)
    with pytest.raises(RecordingError, match="cannot be read"):
        asr(tmp_path)
    empty = io.BytesIO()
    soundfile.write(empty, np.zeros(0), RATE, format="WAV")
    with pytest.raises(AudioInputError, match="no samples"):
        asr(empty.getvalue())


@pytest.mark.parametrize(
    ("option", "harmless", "asked"),
    [("return_timestamps", False, True), ("return_language", None, True), ("chunk_length_s", 0, 10)],
)
def test_what_the_family_cannot_do_is_said(
    small_checkpoint: Path, asr: AutomaticSpeechRecognitionPipeline, sound: Any, option: str, harmless: Any, asked: Any
) -> None:
    with pytest.raises(InputError, match=option):
        asr(sound, **{option: asked})
    with pytest.raises(InputError, match=option):
        pipeline(TASK, model=small_checkpoint, **{option: asked})
    assert pipeline(TASK, model=small_checkpoint, max_new_tokens=12, **{option: harmless})(sound) == asr(sound)
