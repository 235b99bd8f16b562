"""How to generate: the options, their defaults and their JSON form. Knows nothing of models or of search.

Names, defaults and the order of fall-backs are those of transformers 4.37.2.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any, ClassVar, Self

from s2t2_live.errors import InputError
from s2t2_live.speech2text2.hub import resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.json_files import read_object, write_text
from s2t2_live.speech2text2.model_config import ModelConfig

GENERATION_CONFIG_FILE = "generation_config.json"

_UNSUPPORTED = {
    "num_beam_groups": "group beam search",
    "penalty_alpha": "contrastive search",
    "constraints": "constrained beam search",
    "force_words_ids": "constrained beam search",
    "guidance_scale": "classifier-free guidance",
    "prompt_lookup_num_tokens": "prompt lookup",
    "forced_decoder_ids": "forced_decoder_ids; give decoder_input_ids",
    "encoder_no_repeat_ngram_size": "encoder_no_repeat_ngram_size, for the encoder has no tokens",
    "encoder_repetition_penalty": "encoder_repetition_penalty, for the encoder has no tokens",
}


class GenerationConfig:
    """Options of `generate`.

    Lengths count tokens with the prompt; `max_new_tokens` and `min_new_tokens` count without and go before.
    """

    max_length: int = 20
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    early_stopping: bool | str = False
    max_time: float | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_beam_groups: int = 1
    penalty_alpha: float | None = None
    use_cache: bool = True
    temperature: float = 1.0
    top_k: int | None = 50
    top_p: float = 1.0
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    diversity_penalty: float = 0.0
    repetition_penalty: float = 1.0
    encoder_repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    bad_words_ids: list[list[int]] | None = None
    force_words_ids: Any = None
    renormalize_logits: bool = False
    constraints: Any = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | list[int] | None = None
    remove_invalid_values: bool = False
    exponential_decay_length_penalty: tuple[int, float] | None = None
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None
    forced_decoder_ids: Any = None
    sequence_bias: dict[tuple[int, ...], float] | None = None
    guidance_scale: float | None = None
    low_memory: bool | None = None
    num_return_sequences: int = 1
    output_attentions: bool = False
    output_hidden_states: bool = False
    output_scores: bool = False
    return_dict_in_generate: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    encoder_no_repeat_ngram_size: int = 0
    decoder_start_token_id: int | None = None
    num_assistant_tokens: int = 5
    num_assistant_tokens_schedule: str = "heuristic"
    prompt_lookup_num_tokens: int | None = None
    output_cross_attentions: bool = False
    """Only the cross-attentions, without the cost of the others; not in 4.37.2."""

    _own: ClassVar[tuple[str, ...]] = ("output_cross_attentions",)

    def __init__(self, **named: Any) -> None:
        for name in self.fields():
            setattr(self, name, named.pop(name) if name in named else copy.deepcopy(getattr(type(self), name)))
        for name, value in named.items():
            setattr(self, name, value)

    @classmethod
    def fields(cls) -> list[str]:
        return [name for name in cls.__annotations__ if not name.startswith("_")]

    @classmethod
    def from_model_config(cls, config: ModelConfig) -> Self:
        """The options that a model's configuration holds: its own or, where those are the defaults, its decoder's."""
        names = [name for name in cls.fields() if name not in cls._own]
        sources = [config, getattr(config, "decoder", None)]
        values: dict[str, Any] = {}
        for source in sources:
            for name in names:
                if name not in values and getattr(source, name, getattr(cls, name)) != getattr(cls, name):
                    values[name] = copy.deepcopy(getattr(source, name))
        return cls(**values, _from_model_config=True)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **overrides: Any) -> Self:
        """The options of a dictionary such as `to_dict` gives, some replaced by `overrides`."""
        return cls(**{**copy.deepcopy(config_dict), **overrides})

    @classmethod
    def from_pretrained(cls, pretrained_model_name: str | os.PathLike[str], **kwargs: Any) -> Self:
        """The options of a folder's or hub id's `generation_config.json`.

        The other arguments are those of `resolve_model_folder`, or replace options.

        Raises:
            ModelNotFoundError: there is no such folder or hub id.
            CheckpointError: the file is missing or not JSON.
        """
        hub, overrides = split_hub_options(kwargs)
        folder = resolve_model_folder(pretrained_model_name, weights=False, **hub)
        return cls.from_dict(read_object(folder / GENERATION_CONFIG_FILE), **overrides)

    def save_pretrained(self, save_directory: str | os.PathLike[str]) -> None:
        """Writes the options that are not the defaults to `generation_config.json`."""
        write_text(Path(save_directory) / GENERATION_CONFIG_FILE, self.to_json_string())

    def to_dict(self) -> dict[str, Any]:
        return copy.deepcopy(vars(self))

    def to_json_string(self) -> str:
        known = {name: getattr(type(self), name) for name in self.fields()}
        changed = {
            name: value
            for name, value in vars(self).items()
            if (name not in known or value != known[name]) and name not in self._own
        }
        return json.dumps(changed, indent=2, sort_keys=True) + "\n"

    def update(self, **changes: Any) -> dict[str, Any]:
        """Replaces the named options; returns those of `changes` that are no options."""
        rest: dict[str, Any] = {}
        for name, value in changes.items():
            if name in vars(self):
                setattr(self, name, value)
            else:
                rest[name] = value
        return rest

    def validate(self) -> None:
        """Raises InputError if an option has an impossible value, or one that this implementation lacks."""
        for name, what in _UNSUPPORTED.items():
            if getattr(self, name) not in (getattr(type(self), name), None, 0):
                raise InputError(f"generate has no {what} ({name}={getattr(self, name)!r}).")
        if self.early_stopping not in (True, False, "never"):
            raise InputError(f'early_stopping must be true, false or "never", not {self.early_stopping!r}.')
        if vars(self)["max_length"] is None and self.max_new_tokens is None:
            raise InputError("max_length and max_new_tokens cannot both be None; say how long the result may become.")
        if self.num_beams < 1 or self.num_return_sequences < 1:
            raise InputError("num_beams and num_return_sequences must be at least 1.")
        if self.num_beams > 1 and vars(self)["length_penalty"] is None:
            raise InputError("length_penalty must be a number with several beams; 0 is none.")
        if self.num_beams == 1 and not self.do_sample and self.num_return_sequences > 1:
            raise InputError("Several num_return_sequences need several num_beams or do_sample.")
        if 1 < self.num_beams < self.num_return_sequences:
            raise InputError(
                f"num_return_sequences ({self.num_return_sequences}) must not exceed num_beams ({self.num_beams})."
            )
        positive = {"temperature": self.temperature, "repetition_penalty": self.repetition_penalty}
        for name, value in positive.items():
            if value is not None and not value > 0:
                raise InputError(f"{name} must be positive, not {value}.")
        for name in ("top_p", "typical_p"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} must be between 0 and 1, not {value}.")
        if self.top_k is not None and self.top_k < 0:
            raise InputError(f"top_k must not be negative, not {self.top_k}.")

    @property
    def eos_ids(self) -> list[int]:
        """The end-of-sentence tokens, as a list."""
        if self.eos_token_id is None:
            return []
        return self.eos_token_id if isinstance(self.eos_token_id, list) else [self.eos_token_id]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"
