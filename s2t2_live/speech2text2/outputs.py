"""Named outputs of the models. Knows nothing of what computes them.

As in transformers 4.37.2 an output is an ordered dictionary of the fields that are not None, which can also be read by
attribute and by index; so it passes through whatever takes dictionaries: `**`, pickling, torch's pytrees, and the
gathering of parallel runs, which makes a new one from pairs of names and values.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import ItemsView, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NoReturn

from torch import Tensor
from torch.utils import _pytree as pytree

_ABSENT: Any = None
"""Of fields that every finished output has; a copy begins without."""

LayerCache = tuple[Tensor, ...]
"""Self-attention key and value `(batch, heads, length, head size)`, then cross-attention key and value."""


@dataclass(eq=False)
class ModelOutput(OrderedDict[str, Any]):
    """Base of the outputs. Every field has the default None, for a copy begins empty."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        pytree.register_pytree_node(
            cls,
            lambda output: (list(output.values()), tuple(output)),
            partial(_of_leaves, cls),
            serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        )

    def __post_init__(self) -> None:
        if len(self) != 1:
            return
        ((first, entries),) = self.items()
        if isinstance(entries, Mapping | ItemsView | Iterator) or _are_pairs(entries):
            setattr(self, first, None)
            for name, value in dict(entries).items():
                self[name] = value

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self.values())

    def __getitem__(self, index: int | slice | str) -> Any:
        return super().__getitem__(index) if isinstance(index, str) else self.to_tuple()[index]

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is None:
            super().pop(name, None)
        elif any(field.name == name for field in fields(self)):
            super().__setitem__(name, value)

    def _refuse(self, *args: Any, **named: Any) -> NoReturn:
        raise TypeError(f"Nothing can be taken out of a {type(self).__name__}; make a dictionary of it first.")

    # The built-in ones would leave the attributes behind.
    __delitem__ = pop = popitem = clear = _refuse


def _are_pairs(entries: Any) -> bool:
    return isinstance(entries, list) and bool(entries) and all(isinstance(entry, tuple) for entry in entries)


def _of_leaves(output: type[ModelOutput], values: Any, names: tuple[str, ...]) -> ModelOutput:
    return output(**dict(zip(names, values, strict=True)))


@dataclass(eq=False)
class EncoderOutput(ModelOutput):
    """Of a speech encoder.

    `last_hidden_state` is `(batch, frames, size)`; `extract_features`, of Wav2Vec2 only, `(batch, frames, channels)`
    are the normalised features before the projection; `hidden_states` has one tensor more than layers; `attentions`
    are `(batch, heads, frames, frames)`.
    """

    last_hidden_state: Tensor = _ABSENT
    extract_features: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor | None, ...] | None = None


@dataclass(eq=False)
class DecoderOutput(ModelOutput):
    """Of the decoder without its head; shapes as in `CausalLMOutput`."""

    last_hidden_state: Tensor = _ABSENT
    past_key_values: tuple[LayerCache, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass(eq=False)
class CausalLMOutput(ModelOutput):
    """Of the decoder with its head: `loss` (), `logits` `(batch, length, vocabulary)`, attentions per layer."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: tuple[LayerCache, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass(eq=False)
class Seq2SeqLMOutput(ModelOutput):
    """Of the encoder-decoder; `encoder_last_hidden_state` is after the projection to the decoder's size."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: tuple[LayerCache, ...] | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor | None, ...] | None = None


@dataclass(eq=False)
class GenerateEncoderDecoderOutput(ModelOutput):
    """Of greedy search and sampling.

    `sequences` `(rows, length)` int64, prompt included. One entry per generated token: `scores` `(rows, vocabulary)`,
    processed; `decoder_attentions`, `cross_attentions` and `decoder_hidden_states`, a tuple over the layers each.
    """

    sequences: Tensor = _ABSENT
    scores: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor | None, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    cross_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    decoder_hidden_states: tuple[tuple[Tensor, ...], ...] | None = None


@dataclass(eq=False)
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """Of beam search; rows of the per-token entries are beams.

    `sequences_scores` `(sequences,)`: log-probability over `length ** length_penalty`. `scores`: processed
    log-probabilities `(batch * beams, vocabulary)` per token. `beam_indices` `(sequences, length)`: the beam that each
    new token came from, then -1.
    """

    sequences: Tensor = _ABSENT
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: tuple[Tensor | None, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    cross_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    decoder_hidden_states: tuple[tuple[Tensor, ...], ...] | None = None
