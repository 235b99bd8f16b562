"""Live speech translation on your own machine: the public names, each imported when it is first used.

``import s2t2_live`` alone imports neither torch nor PySide6, so that ``--help`` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from s2t2_live.version import __version__

if TYPE_CHECKING:
    from s2t2_live.speech2text2.added_tokens import AddedToken
    from s2t2_live.speech2text2.config import (
        HubertConfig,
        Speech2Text2Config,
        SpeechEncoderDecoderConfig,
        Wav2Vec2Config,
    )
    from s2t2_live.speech2text2.decoder import Speech2Text2ForCausalLM
    from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
    from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
    from s2t2_live.speech2text2.generation_config import GenerationConfig
    from s2t2_live.speech2text2.hubert import HubertModel
    from s2t2_live.speech2text2.pipeline import AutomaticSpeechRecognitionPipeline, pipeline
    from s2t2_live.speech2text2.processor import Speech2Text2Processor
    from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
    from s2t2_live.speech2text2.wav2vec2 import Wav2Vec2Model

__all__ = [
    "AddedToken",
    "AutomaticSpeechRecognitionPipeline",
    "GenerationConfig",
    "HubertConfig",
    "HubertModel",
    "Speech2Text2Config",
    "Speech2Text2ForCausalLM",
    "Speech2Text2Processor",
    "Speech2Text2Tokenizer",
    "SpeechEncoderDecoderConfig",
    "SpeechEncoderDecoderModel",
    "Wav2Vec2Config",
    "Wav2Vec2FeatureExtractor",
    "Wav2Vec2Model",
    "__version__",
    "pipeline",
]

_HOME = {
    "AddedToken": "added_tokens",
    "AutomaticSpeechRecognitionPipeline": "pipeline",
    "GenerationConfig": "generation_config",
    "HubertConfig": "config",
    "HubertModel": "hubert",
    "Speech2Text2Config": "config",
    "Speech2Text2ForCausalLM": "decoder",
    "Speech2Text2Processor": "processor",
    "Speech2Text2Tokenizer": "tokenizer",
    "SpeechEncoderDecoderConfig": "config",
    "SpeechEncoderDecoderModel": "encoder_decoder",
    "Wav2Vec2Config": "config",
    "Wav2Vec2FeatureExtractor": "feature_extractor",
    "Wav2Vec2Model": "wav2vec2",
    "pipeline": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 's2t2_live' has no attribute {name!r}")
    value = getattr(import_module(f"s2t2_live.speech2text2.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
