"""The feature extractor against that of transformers 4.37.2, on padded batches of real and random waveforms."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from s2t2_live import Wav2Vec2FeatureExtractor

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(__file__).with_name("feature_extractor_reference.py")
FORMS: dict[str, Any] = {
    "one": lambda rows: rows[0],
    "list": lambda rows: rows,
    "lists": lambda rows: [row.tolist() for row in rows],
    "matrix": np.stack,
    "tensor": lambda rows: torch.from_numpy(rows[0]),
}


def waveforms() -> dict[str, Any]:
    """Noise of many lengths, levels and types, a constant, and the real recordings that are there."""
    draw = np.random.default_rng(7)
    made: dict[str, Any] = {
        f"noise{index}": (draw.normal(size=int(length)) * 10.0 ** draw.integers(-6, 3) + draw.normal()).astype(kind)
        for index, (length, kind) in enumerate(
            zip(draw.integers(1, 9000, size=30), ["float32", "float64"] * 15, strict=True)
        )
    }
    made["constant"] = np.full(500, 0.25, dtype=np.float32)
    made["silence"] = np.zeros(800, dtype=np.float32)
    made["int16"] = draw.integers(-(2**15), 2**15, size=3000).astype(np.int16)
    made["half"] = draw.normal(size=1000).astype(np.float16)
    for name in ("read_speech_1.wav", "read_speech_2.wav", "vad_labelled.wav", "noise_2.wav"):
        path = ROOT.parent / "shared" / "audio" / name
        if path.exists():
            made[name] = soundfile.read(path, dtype="float32")[0]
    for name in ("a", "b", "c"):
        made[f"equal_{name}"] = draw.normal(size=1200).astype(np.float32)
    return made


def cases(names: list[str]) -> list[dict[str, Any]]:
    draw = random.Random(3)
    floats = [name for name in names if name not in ("int16", "half")]
    made: list[dict[str, Any]] = []
    paddings: list[dict[str, Any]] = [
        {"padding": True},
        {"padding": "longest", "pad_to_multiple_of": 320},
        {"padding": "max_length", "max_length": 160_000},
        {"padding": "max_length", "max_length": 2000, "truncation": True},
        {"padding": True, "max_length": 1500, "truncation": True, "pad_to_multiple_of": 128},
        {"padding": False},
        {"padding": False, "max_length": 700, "truncation": True},
    ]
    for mask in (True, False):
        for normalize in (True, False):
            for value in (0.0, -1.5):
                init = {"return_attention_mask": mask, "do_normalize": normalize, "padding_value": value}
                for call in paddings:
                    for form in ("list", "lists"):
                        chosen = draw.sample(floats, k=draw.randint(1, 6))
                        made.append({"init": init, "call": call, "form": form, "waveforms": chosen})
    for call in ({}, {"return_attention_mask": True}, {"padding": True, "return_tensors": "pt"}):
        for name in floats:
            made.append({"init": {}, "call": call, "form": "one", "waveforms": [name]})
        made.append({"init": {}, "call": call, "form": "matrix", "waveforms": ["equal_a", "equal_b", "equal_c"]})
        made.append({"init": {}, "call": call, "form": "tensor", "waveforms": ["equal_a"]})
        for name in ("int16", "half"):
            made.append({"init": {}, "call": call, "form": "one", "waveforms": [name]})
            made.append({"init": {}, "call": {**call, "padding": True}, "form": "list", "waveforms": [name, name]})
    made.append({"init": {"sampling_rate": 8000}, "call": {}, "form": "one", "waveforms": ["silence"]})
    return made


@pytest.mark.oracle
def test_waveforms_are_prepared_alike(tmp_path: Path, oracle: Any) -> None:
    given = waveforms()
    todo = cases(list(given))
    np.savez(tmp_path / "waveforms.npz", **given)
    (tmp_path / "cases.json").write_text(json.dumps(todo), encoding="utf-8")
    arguments = [str(tmp_path / name) for name in ("waveforms.npz", "cases.json", "results.npz", "theirs")]
    done = subprocess.run([str(oracle.python), str(REFERENCE), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = np.load(tmp_path / "results.npz")

    seen = set()
    for number, case in enumerate(todo):
        extractor = Wav2Vec2FeatureExtractor(**case["init"])
        rows = FORMS[case["form"]]([given[name] for name in case["waveforms"]])
        features = extractor(rows, sampling_rate=extractor.sampling_rate, **case["call"])
        for name, values in features.items():
            for row, ours in enumerate(values):
                key = f"{number}/{name}/{row}"
                seen.add(key)
                ours = np.asarray(ours)
                assert ours.dtype == theirs[key].dtype, (case, key)
                np.testing.assert_array_equal(ours, theirs[key], err_msg=f"{case} {key}")
    assert seen == set(theirs.files)

    Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path / "ours")
    name = "preprocessor_config.json"
    assert (tmp_path / "ours" / name).read_text() == (tmp_path / "theirs" / name).read_text()
    assert Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "theirs").to_dict() == json.loads(
        (tmp_path / "theirs" / name).read_text()
    )
