"""The public names: complete, lazy, and the ones that DESIGN promises."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import s2t2_live

ROOT = Path(__file__).resolve().parents[1]
NAMES = {
    "AddedToken", "AutomaticSpeechRecognitionPipeline", "GenerationConfig", "HubertConfig", "HubertModel",
    "Speech2Text2Config", "Speech2Text2ForCausalLM", "Speech2Text2Processor", "Speech2Text2Tokenizer",
    "SpeechEncoderDecoderConfig", "SpeechEncoderDecoderModel", "Wav2Vec2Config", "Wav2Vec2FeatureExtractor",
    "Wav2Vec2Model", "pipeline",
}  # fmt: skip


def imported(statement: str) -> set[str]:
    code = (
        f"import sys, json\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_all_public_names_are_there() -> None:
    assert set(s2t2_live.__all__) == NAMES | {"__version__"}
    assert set(s2t2_live.__all__) <= set(dir(s2t2_live))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_name_is_what_it_says(name: str) -> None:
    value = getattr(s2t2_live, name)
    assert value.__name__ == name
    assert value.__doc__
    assert value is getattr(importlib.import_module(value.__module__), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'s2t2_live' has no attribute 'BertModel'"):
        _ = s2t2_live.BertModel


def test_the_import_alone_loads_nothing_heavy() -> None:
    assert not imported("import s2t2_live") & {"torch", "numpy", "PySide6", "soundfile", "huggingface_hub", "tqdm"}


def test_a_processor_needs_no_torch() -> None:
    assert "torch" not in imported("from s2t2_live import Speech2Text2Processor")


def test_the_model_needs_no_window_and_no_audio_device() -> None:
    assert not imported("from s2t2_live import pipeline, SpeechEncoderDecoderModel") & {
        "PySide6", "sounddevice", "transformers", "webrtcvad",
    }  # fmt: skip
