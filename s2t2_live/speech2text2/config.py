"""Configurations of the encoders, the decoder and both together. Knows nothing of torch or of weights.

A field is an annotated class attribute with its default. The names and defaults are those of transformers 4.37.2,
so that a `config.json` of either side means the same to both. Keys that no field names are kept as attributes and
written back.
"""
# Mutable defaults are copied into every instance.
# ruff: noqa: RUF012

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from s2t2_live.errors import CheckpointError
from s2t2_live.speech2text2.model_config import ModelConfig


class SpeechEncoderConfig(ModelConfig):
    """Fields that Wav2Vec2 and HuBERT share; by position only those up to `attention_dropout`.

    Raises:
        CheckpointError: the three lists of convolution sizes differ in length or hold what is no size, or the
            normalisation is unknown.
    """

    positional: ClassVar[int] = 9

    vocab_size: int = 32
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout: float = 0.1
    activation_dropout: float = 0.1
    attention_dropout: float = 0.1
    feat_proj_dropout: float = 0.0
    final_dropout: float = 0.1
    layerdrop: float = 0.1
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-5
    feat_extract_norm: str = "group"
    feat_extract_activation: str = "gelu"
    conv_dim: list[int] = [512, 512, 512, 512, 512, 512, 512]
    conv_stride: list[int] = [5, 2, 2, 2, 2, 2, 2]
    conv_kernel: list[int] = [10, 3, 3, 3, 3, 2, 2]
    conv_bias: bool = False
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    do_stable_layer_norm: bool = False
    apply_spec_augment: bool = True
    mask_time_prob: float = 0.05
    mask_time_length: int = 10
    mask_time_min_masks: int = 2
    mask_feature_prob: float = 0.0
    mask_feature_length: int = 10
    mask_feature_min_masks: int = 0
    ctc_loss_reduction: str = "sum"
    ctc_zero_infinity: bool = False
    use_weighted_layer_sum: bool = False
    classifier_proj_size: int = 256
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    num_feat_extract_layers: int = 7

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        for name in ("conv_dim", "conv_stride", "conv_kernel"):
            setattr(self, name, list(getattr(self, name)))
        self.num_feat_extract_layers = len(self.conv_dim)
        if not len(self.conv_dim) == len(self.conv_stride) == len(self.conv_kernel) > 0:
            raise CheckpointError(
                f"conv_dim, conv_stride and conv_kernel must have the same number of entries, not {len(self.conv_dim)},"
                f" {len(self.conv_stride)} and {len(self.conv_kernel)}."
            )
        for name in ("conv_dim", "conv_stride", "conv_kernel"):
            if not all(isinstance(size, int) and size > 0 for size in getattr(self, name)):
                raise CheckpointError(f"{name} must hold positive whole numbers, not {getattr(self, name)}.")
        if self.feat_extract_norm not in ("group", "layer"):
            raise CheckpointError(f'feat_extract_norm must be "group" or "layer", not {self.feat_extract_norm!r}.')

    @property
    def inputs_to_logits_ratio(self) -> int:
        """Samples per frame: the product of the convolutions' strides."""
        return math.prod(self.conv_stride)


class Wav2Vec2Config(SpeechEncoderConfig):
    """Wav2Vec2 (Baevski et al. 2020, https://arxiv.org/abs/2006.11477)."""

    model_type: ClassVar[str] = "wav2vec2"

    feat_quantizer_dropout: float = 0.0
    num_codevectors_per_group: int = 320
    num_codevector_groups: int = 2
    contrastive_logits_temperature: float = 0.1
    num_negatives: int = 100
    codevector_dim: int = 256
    proj_codevector_dim: int = 256
    diversity_loss_weight: float = 0.1
    tdnn_dim: list[int] = [512, 512, 512, 512, 1500]
    tdnn_kernel: list[int] = [5, 3, 3, 1, 1]
    tdnn_dilation: list[int] = [1, 2, 3, 1, 1]
    xvector_output_dim: int = 512
    add_adapter: bool = False
    adapter_kernel_size: int = 3
    adapter_stride: int = 2
    num_adapter_layers: int = 3
    output_hidden_size: int = 0
    adapter_attn_dim: int | None = None

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.output_hidden_size = self.output_hidden_size or self.hidden_size
        for name in ("tdnn_dim", "tdnn_kernel", "tdnn_dilation"):
            setattr(self, name, list(getattr(self, name)))


class HubertConfig(SpeechEncoderConfig):
    """HuBERT (Hsu et al. 2021, https://arxiv.org/abs/2106.07447)."""

    model_type: ClassVar[str] = "hubert"

    feat_proj_layer_norm: bool = True


class Speech2Text2Config(ModelConfig):
    """The Speech2Text2 decoder (Wang et al. 2021, https://arxiv.org/abs/2104.06678)."""

    model_type: ClassVar[str] = "speech_to_text_2"

    vocab_size: int = 10000
    decoder_layers: int = 6
    decoder_ffn_dim: int = 2048
    decoder_attention_heads: int = 4
    decoder_layerdrop: float = 0.0
    use_cache: bool = True
    activation_function: str = "relu"
    d_model: int = 256
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    init_std: float = 0.02
    decoder_start_token_id: int | None = 2
    scale_embedding: bool = True
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: int | list[int] | None = 2
    max_target_positions: int = 1024
    num_hidden_layers: int = 0

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.num_hidden_layers = self.num_hidden_layers or self.decoder_layers

    @property
    def hidden_size(self) -> int:
        return self.d_model

    @hidden_size.setter
    def hidden_size(self, value: int) -> None:
        self.d_model = value

    @property
    def num_attention_heads(self) -> int:
        return self.decoder_attention_heads

    @num_attention_heads.setter
    def num_attention_heads(self, value: int) -> None:
        self.decoder_attention_heads = value


ENCODER_CONFIGS: dict[str, type[Wav2Vec2Config] | type[HubertConfig]] = {
    config.model_type: config for config in (Wav2Vec2Config, HubertConfig)
}


class SpeechEncoderDecoderConfig(ModelConfig):
    """An encoder's and a decoder's configuration, and the fields of the whole.

    `encoder` and `decoder` may be given as configurations or as their dictionaries.

    Raises:
        CheckpointError: one of the two is missing or of a model type that is not of this family.
    """

    model_type: ClassVar[str] = "speech-encoder-decoder"

    encoder: Wav2Vec2Config | HubertConfig
    decoder: Speech2Text2Config

    def __init__(self, **named: Any) -> None:
        encoder, decoder = named.pop("encoder", None), named.pop("decoder", None)
        if encoder is None or decoder is None:
            raise CheckpointError("A speech-encoder-decoder configuration needs both `encoder` and `decoder`.")
        super().__init__(**named)
        self.encoder = _part(encoder, ENCODER_CONFIGS, "encoder")
        self.decoder = _part(decoder, {Speech2Text2Config.model_type: Speech2Text2Config}, "decoder")
        self.is_encoder_decoder = True

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: Wav2Vec2Config | HubertConfig, decoder_config: Speech2Text2Config, **named: Any
    ) -> Self:
        """Marks the decoder's configuration as a decoder with cross-attention, and joins copies of the two."""
        decoder_config.is_decoder = True
        decoder_config.add_cross_attention = True
        return cls(encoder=encoder_config.to_dict(), decoder=decoder_config.to_dict(), **named)


def _part(value: Any, known: dict[str, Any], role: str) -> Any:
    if isinstance(value, ModelConfig):
        if value.model_type not in known:
            raise CheckpointError(f'The {role} is of model type "{value.model_type}"; known: {", ".join(known)}.')
        return value
    if not isinstance(value, dict):
        raise CheckpointError(f"The {role} configuration must be a JSON object, not {value!r}.")
    model_type = value.get("model_type")
    if model_type not in known:
        raise CheckpointError(f"The {role} is of model type {model_type!r}; known: {', '.join(known)}.")
    return known[model_type].from_dict(value)
