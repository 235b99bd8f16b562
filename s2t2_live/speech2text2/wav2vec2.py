"""Wav2Vec2 (Baevski et al. 2020, https://arxiv.org/abs/2006.11477) as a speech encoder. Knows nothing of text."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from s2t2_live.speech2text2.config import Wav2Vec2Config
from s2t2_live.speech2text2.features import Adapter
from s2t2_live.speech2text2.model_config import ModelConfig
from s2t2_live.speech2text2.outputs import EncoderOutput
from s2t2_live.speech2text2.speech_encoder import SpeechEncoder


class Wav2Vec2Model(SpeechEncoder):
    """The bare model: no quantiser, no head."""

    config_class: ClassVar[type[ModelConfig]] = Wav2Vec2Config
    base_model_prefix: ClassVar[str] = "wav2vec2"
    config: Wav2Vec2Config

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__(config)
        self.adapter: Adapter | None = None
        if config.add_adapter:
            self.adapter = Adapter(
                config.hidden_size,
                config.output_hidden_size,
                config.num_adapter_layers,
                config.adapter_kernel_size,
                config.adapter_stride,
                config.layerdrop,
            )
            self.initialize(self.adapter)

    @property
    def output_size(self) -> int:
        return self.config.output_hidden_size if self.adapter is not None else self.config.hidden_size

    def frame_lengths(self, samples: Tensor) -> Tensor:
        lengths = super().frame_lengths(samples)
        return lengths if self.adapter is None else self.adapter.output_lengths(lengths)

    def finish(self, x: Tensor) -> Tensor:
        return x if self.adapter is None else self.adapter(x)

    def complete(self, output: EncoderOutput, features: Tensor) -> EncoderOutput:
        return replace(output, extract_features=features)
