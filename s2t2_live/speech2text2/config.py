"""Configurations of the model family: their fields, defaults and JSON form. Knows nothing of torch or of weights.

A field is an annotated class attribute with its default. The names and defaults are those of transformers 4.37.2,
so that a `config.json` of either side means the same to both. Keys that no field names are kept as attributes and
written back.
"""
# Mutable defaults are copied into every instance.
# ruff: noqa: RUF012

from __future__ import annotations

import copy
import json
import math
import os
from pathlib import Path
from typing import Any, ClassVar, Self

from s2t2_live.errors import CheckpointError

CONFIG_FILE = "config.json"

# Read by 4.37.2 from any model's config.json when there is no generation_config.json beside it.
GENERATION_DEFAULTS: dict[str, Any] = {
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "early_stopping": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
}


class ModelConfig:
    """Fields that every model configuration has.

    Positional arguments fill the fields of the concrete class in the order of their declaration.
    """

    model_type: ClassVar[str] = ""

    return_dict: bool = True
    output_hidden_states: bool = False
    output_attentions: bool = False
    torchscript: bool = False
    torch_dtype: str | None = None
    use_bfloat16: bool = False
    tf_legacy_loss: bool = False
    pruned_heads: dict[int, list[int]] = {}
    tie_word_embeddings: bool = True
    chunk_size_feed_forward: int = 0
    is_encoder_decoder: bool = False
    is_decoder: bool = False
    cross_attention_hidden_size: int | None = None
    add_cross_attention: bool = False
    tie_encoder_decoder: bool = False
    architectures: list[str] | None = None
    finetuning_task: str | None = None
    id2label: dict[int, str] = {0: "LABEL_0", 1: "LABEL_1"}
    label2id: dict[str, int] = {"LABEL_0": 0, "LABEL_1": 1}
    tokenizer_class: str | None = None
    prefix: str | None = None
    bos_token_id: int | None = None
    pad_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    sep_token_id: int | None = None
    decoder_start_token_id: int | None = None
    task_specific_params: dict[str, Any] | None = None
    problem_type: str | None = None
    transformers_version: str | None = None
    _name_or_path: str = ""

    def __init__(self, *values: Any, **named: Any) -> None:
        own = list(_annotated(type(self)))
        if len(values) > len(own):
            raise TypeError(f"{type(self).__name__} takes at most {len(own)} positional arguments, not {len(values)}.")
        named = {**dict(zip(own, values, strict=False)), **named}
        named.pop("model_type", None)
        if "name_or_path" in named:
            named["_name_or_path"] = str(named.pop("name_or_path"))
        if "num_labels" in named and named.get("id2label") is None:
            named["id2label"] = {i: f"LABEL_{i}" for i in range(named.pop("num_labels"))}
            named["label2id"] = {label: i for i, label in named["id2label"].items()}
        for name, default in {**GENERATION_DEFAULTS, **_defaults(type(self))}.items():
            setattr(self, name, named.pop(name) if name in named else copy.deepcopy(default))
        for name in ("id2label", "pruned_heads"):
            # JSON turns the integer keys into strings.
            setattr(self, name, {int(key): value for key, value in (getattr(self, name) or {}).items()})
        if self.torch_dtype is not None:
            self.torch_dtype = str(self.torch_dtype).removeprefix("torch.")
        for name, value in named.items():
            setattr(self, name, value)

    @property
    def use_return_dict(self) -> bool:
        """Whether `forward` returns a named output rather than a tuple."""
        return self.return_dict and not self.torchscript

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    def to_dict(self) -> dict[str, Any]:
        """Every field, the unknown keys and `model_type`; nested configurations as dictionaries."""
        fields: dict[str, Any] = {}
        for name, value in vars(self).items():
            fields[name] = value.to_dict() if isinstance(value, ModelConfig) else copy.deepcopy(value)
        fields["model_type"] = self.model_type
        return fields

    def to_diff_dict(self) -> dict[str, Any]:
        """`to_dict` without what equals the default of every model; what `config.json` holds."""
        base = ModelConfig().to_dict()
        own = _defaults(type(self))
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in base or value != base[name] or (name in own and value != own[name])
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        fields = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str], use_diff: bool = True) -> None:
        Path(json_file_path).write_text(self.to_json_string(use_diff), encoding="utf-8")

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Writes `config.json` into the folder, which is created if missing."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.to_json_file(folder / CONFIG_FILE)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **overrides: Any) -> Self:
        """The configuration of a dictionary such as `to_dict` gives.

        Raises:
            CheckpointError: the dictionary is of another model type, or its values do not fit together.
        """
        found = config_dict.get("model_type", cls.model_type)
        if cls.model_type and found != cls.model_type:
            raise CheckpointError(f'The configuration is of model type "{found}", not "{cls.model_type}".')
        fields = {name: value for name, value in copy.deepcopy(config_dict).items() if name != "model_type"}
        return cls(**{**fields, **overrides})

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Raises CheckpointError if the file is not the JSON object of such a configuration."""
        return cls.from_dict(read_json_object(Path(json_file)))

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str = "main",
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        token: str | None = None,
        **overrides: Any,
    ) -> Self:
        """The configuration of a folder, a JSON file or a hub id, with fields replaced by `overrides`.

        Raises:
            ModelNotFoundError: there is no such folder or hub id.
            CheckpointError: `config.json` is missing, is not JSON, or is of another model type.
        """
        path = Path(name_or_path)
        if not path.is_file():
            folder = find_folder(
                name_or_path,
                revision=revision,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                force_download=force_download,
                token=token,
                weights=False,
            )
            path = folder / CONFIG_FILE
        return cls.from_dict(read_json_object(path), **overrides)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


class SpeechEncoderConfig(ModelConfig):
    """Fields that Wav2Vec2 and HuBERT share.

    Raises:
        CheckpointError: the three lists of convolution sizes differ in length, or the normalisation is unknown.
    """

    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
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
    adapter_attn_dim: int | None = None
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


def read_json_object(path: Path) -> dict[str, Any]:
    """Raises CheckpointError if the file cannot be read or does not hold a JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"The model folder {path.parent} has no {path.name}.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} must hold a JSON object, not a {type(value).__name__}.")
    return value


def find_folder(
    name_or_path: str | os.PathLike[str],
    *,
    revision: str = "main",
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | None = None,
    weights: bool = True,
) -> Path:
    """The folder itself, or the one that a hub id was downloaded to, on demand without the weights.

    Raises:
        ModelNotFoundError: there is no such folder or hub id.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    from s2t2_live.speech2text2.hub import resolve_model_folder

    return resolve_model_folder(
        name_or_path,
        revision=revision,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        local_files_only=local_files_only,
        force_download=force_download,
        token=token,
        weights=weights,
    )


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


def _annotated(config: type[ModelConfig]) -> dict[str, Any]:
    """Fields of `config` that `ModelConfig` does not declare alike, in the order of declaration."""
    fields: dict[str, Any] = {}
    for base in reversed(config.__mro__):
        if base is not ModelConfig and issubclass(base, ModelConfig):
            fields.update({name: getattr(config, name) for name in base.__annotations__ if hasattr(config, name)})
    fields.pop("model_type", None)
    return fields


def _defaults(config: type[ModelConfig]) -> dict[str, Any]:
    fields = {name: getattr(config, name) for name in ModelConfig.__annotations__ if name != "model_type"}
    return {**fields, **_annotated(config)}
