"""What every model configuration has: common fields, the JSON form, loading and saving. Knows no concrete model.

A field is an annotated class attribute with its default. Keys that no field names are kept as attributes and written
back, as in transformers 4.37.2.
"""
# Mutable defaults are copied into every instance.
# ruff: noqa: RUF012

from __future__ import annotations

import copy
import json
import logging
import os
from pathlib import Path
from typing import Any, ClassVar, Self

from s2t2_live.errors import CheckpointError, sentence
from s2t2_live.speech2text2.hub import resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.json_files import read_object, write_text

logger = logging.getLogger(__name__)

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
    positional: ClassVar[int | None] = None
    """How many arguments may be given by position; None means any number."""

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
    label2id: dict[str, int] | None = {"LABEL_0": 0, "LABEL_1": 1}
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
        own = list(_annotated(type(self)))[: self.positional]
        if len(values) > len(own):
            raise TypeError(f"{type(self).__name__} takes at most {len(own)} positional arguments, not {len(values)}.")
        named = {**dict(zip(own, values, strict=False)), **named}
        named.pop("model_type", None)
        if "name_or_path" in named:
            named["_name_or_path"] = str(named.pop("name_or_path"))
        if "num_labels" in named and named.get("id2label") is None:
            named["id2label"] = {i: f"LABEL_{i}" for i in range(named.pop("num_labels"))}
            named["label2id"] = {label: i for i, label in named["id2label"].items()}
        if named.get("id2label") is not None:
            named.setdefault("label2id", None)
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

    def update(self, config_dict: dict[str, Any]) -> None:
        """Sets the fields that the dictionary names."""
        for name, value in config_dict.items():
            setattr(self, name, value)

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
        write_text(Path(json_file_path), self.to_json_string(use_diff))

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Writes `config.json` into the folder, which is created if missing; raises OutputError if it cannot."""
        self.to_json_file(Path(save_directory) / CONFIG_FILE)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], *, return_unused_kwargs: bool = False, **overrides: Any) -> Any:
        """The configuration of a dictionary such as `to_dict` gives, with fields replaced by `overrides`.

        As in 4.37.2, the dictionary may hold anything, but overrides that are no fields are logged and ignored; or,
        with `return_unused_kwargs`, the result is the configuration and a dictionary of them.

        Raises:
            CheckpointError: the dictionary is of another model type, or its values do not fit together.
        """
        found = config_dict.get("model_type", cls.model_type)
        if cls.model_type and found != cls.model_type:
            raise CheckpointError(f'The configuration is of model type "{found}", not "{cls.model_type}".')
        fields = {name: value for name, value in copy.deepcopy(config_dict).items() if name != "model_type"}
        config = cls(**fields)
        unused = {name: value for name, value in overrides.items() if not hasattr(config, name)}
        known = {name: value for name, value in overrides.items() if name not in unused}
        if known:
            config = cls(**{**fields, **known})
        if return_unused_kwargs:
            return config, unused
        if unused:
            logger.warning("%s ignores %s, which it does not have.", cls.__name__, ", ".join(unused))
        return config

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        """Raises CheckpointError if the file is not the JSON object of such a configuration."""
        config: Self = cls._read(Path(json_file))
        return config

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | None = None,
        revision: str = "main",
        **kwargs: Any,
    ) -> Any:
        """The configuration of a folder, a JSON file or a hub id.

        The other arguments are those of `resolve_model_folder` and of `from_dict`.

        Raises:
            ModelNotFoundError: there is no such folder or hub id.
            CheckpointError: `config.json` is missing, is not JSON, or is of another model type.
        """
        hub, overrides = split_hub_options(kwargs, cache_dir, force_download, local_files_only, token, revision)
        path = Path(pretrained_model_name_or_path)
        if not path.is_file():
            path = resolve_model_folder(pretrained_model_name_or_path, weights=False, **hub) / CONFIG_FILE
        return cls._read(path, **overrides)

    @classmethod
    def _read(cls, path: Path, **overrides: Any) -> Any:
        fields = read_object(path)
        try:
            return cls.from_dict(fields, **overrides)
        except (TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path} describes no {cls.__name__} ({sentence(error)}).") from error

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def _annotated(config: type[ModelConfig]) -> dict[str, Any]:
    """Fields of `config` that `ModelConfig` does not declare alike, in the order of declaration."""
    fields: dict[str, Any] = {}
    for base in reversed(config.__mro__):
        if base is not ModelConfig and issubclass(base, ModelConfig):
            fields.update({name: getattr(config, name) for name in _fields(base) if hasattr(config, name)})
    return fields


def _defaults(config: type[ModelConfig]) -> dict[str, Any]:
    fields = {name: getattr(config, name) for name in _fields(ModelConfig)}
    return {**fields, **_annotated(config)}


def _fields(config: type[ModelConfig]) -> list[str]:
    return [name for name, kind in config.__annotations__.items() if not str(kind).startswith("ClassVar")]
