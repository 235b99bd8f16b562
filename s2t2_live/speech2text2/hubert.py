"""HuBERT (Hsu et al. 2021, https://arxiv.org/abs/2106.07447) as a speech encoder. Knows nothing of text."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from s2t2_live.speech2text2.config import HubertConfig
from s2t2_live.speech2text2.model_config import ModelConfig
from s2t2_live.speech2text2.speech_encoder import SpeechEncoder


class HubertModel(SpeechEncoder):
    """The bare model."""

    config_class: ClassVar[type[ModelConfig]] = HubertConfig
    base_model_prefix: ClassVar[str] = "hubert"
    config: HubertConfig

    def span_lengths(self, frames: Tensor, most: int) -> list[int]:
        """As in 4.37.2, spans are drawn over the padding too."""
        return [most] * len(frames)
