"""Named outputs of the models. Knows nothing of what computes them.

An output can be read by attribute, by name (`output["logits"]`) and by index; fields that are None are left out of the
order, as in a tuple that holds only what was computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

LayerCache = tuple[Tensor, ...]
"""Self-attention key and value `(batch, heads, length, head size)`, then cross-attention key and value."""


@dataclass(eq=False)
class ModelOutput:
    """Base of the outputs."""

    def keys(self) -> list[str]:
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]

    def values(self) -> list[Any]:
        return list(self.to_tuple())

    def items(self) -> list[tuple[str, Any]]:
        return list(zip(self.keys(), self.to_tuple(), strict=True))

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.keys())

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name) if name in self else default

    def __getitem__(self, index: int | slice | str) -> Any:
        if isinstance(index, str):
            if index not in self:
                raise KeyError(index)
            return getattr(self, index)
        return self.to_tuple()[index]

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


@dataclass(eq=False)
class EncoderOutput(ModelOutput):
    """Of a speech encoder.

    `last_hidden_state` is `(batch, frames, size)`; `extract_features`, of Wav2Vec2 only, `(batch, frames, channels)`
    are the normalised features before the projection; `hidden_states` has one tensor more than layers; `attentions`
    are `(batch, heads, frames, frames)`.
    """

    last_hidden_state: Tensor
    extract_features: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor | None, ...] | None = None


@dataclass(eq=False)
class DecoderOutput(ModelOutput):
    """Of the decoder without its head; shapes as in `CausalLMOutput`."""

    last_hidden_state: Tensor
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

    sequences: Tensor
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

    sequences: Tensor
    sequences_scores: Tensor | None = None
    scores: tuple[Tensor, ...] | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: tuple[Tensor | None, ...] | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    cross_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    decoder_hidden_states: tuple[tuple[Tensor, ...], ...] | None = None
