"""The decoder's layers made ready for running token by token, several hypotheses at once.

Knows nothing of tokens or of search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s2t2_live.speech2text2.attention import Attention
from s2t2_live.speech2text2.cache import Slots
from s2t2_live.speech2text2.linear import Projection

if TYPE_CHECKING:
    from s2t2_live.speech2text2.decoder import DecoderLayer


class Norm:
    """A layer norm over the last axis."""

    def __init__(self, module: nn.LayerNorm) -> None:
        self.shape = module.normalized_shape
        self.weight = module.weight.detach()
        self.bias = module.bias.detach()
        self.eps = module.eps

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, self.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True)
class Sources:
    """Keys `(heads * batch, head size, sources)` and values `(heads * batch, sources, head size)`."""

    keys: Tensor
    values: Tensor


@dataclass(frozen=True)
class Trace:
    """What the layers computed on the way, each a list over the layers.

    Hidden states are `(batch * length, size)`, one more than layers; weights `(heads * batch, length, sources)`.
    """

    hidden_states: list[Tensor]
    attentions: list[Tensor]
    cross_attentions: list[Tensor]


class InferenceAttention:
    """One attention of a layer, from the queries to the sum with the input and its normalisation."""

    def __init__(self, module: Attention, norm: nn.LayerNorm, dropout: float) -> None:
        self.heads = module.heads
        self.head_size = norm.normalized_shape[0] // self.heads
        self.scale = self.head_size**-0.5
        self.nothing = norm.weight.new_zeros(())
        self.weights_dropout = module.dropout if module.training else 0.0
        self.dropout = dropout
        self.out = Projection(module.out_proj)
        self.norm = Norm(norm)

    def __call__(self, x: Tensor, queries: Tensor, sources: Sources, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The result `(batch * length, size)` and the weights `(heads * batch, length, sources)`.

        `queries` are `(heads * batch, length, head size)`; `mask` is added to the scores.
        """
        if mask is None:
            scores = torch.baddbmm(self.nothing, queries, sources.keys, beta=0, alpha=self.scale)
        else:
            scores = torch.baddbmm(mask, queries, sources.keys, alpha=self.scale)
        weights = torch.softmax(scores, -1)
        context = torch.bmm(_drop(weights, self.weights_dropout), sources.values)
        context = context.view(self.heads, -1, self.head_size).transpose(0, 1).flatten(1)
        return self.norm(_added(x, self.out, context, self.dropout)), weights


class InferenceLayer:
    """One layer of the decoder."""

    def __init__(self, layer: DecoderLayer) -> None:
        past, across = layer.self_attn, layer.encoder_attn
        self.dropout = layer.dropout if layer.training else 0.0
        self.activation_dropout = layer.activation_dropout if layer.training else 0.0
        self.past = InferenceAttention(past, layer.self_attn_layer_norm, self.dropout)
        self.past_in = Projection(past.q_proj, past.k_proj, past.v_proj)
        self.across_keys_values = across.keys_and_values
        self.across = InferenceAttention(across, layer.encoder_attn_layer_norm, self.dropout)
        self.across_in = Projection(across.q_proj)
        self.fc1 = Projection(layer.fc1)
        self.activation = layer.activation
        self.fc2 = Projection(layer.fc2)
        self.norm = Norm(layer.final_layer_norm)

    def sources(self, frames: Tensor) -> Sources:
        """Keys and values of the encoder's frames `(batch, frames, size)`."""
        keys, values = (t.transpose(0, 1).flatten(0, 1) for t in self.across_keys_values(frames))
        return Sources(keys.transpose(1, 2).contiguous(), values.contiguous())

    def __call__(
        self, x: Tensor, slots: Slots, frames: Sources, mask: Tensor | None, frame_mask: Tensor | None, batch: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`x` `(batch * length, size)` to the same, and the weights of both attentions."""
        own = self._split(self.past_in(x), 3, batch)
        keys, values = slots.extend(own[1:]).unbind()
        x, weights = self.past(x, own[0], Sources(keys.transpose(1, 2), values), mask)
        queries = self._split(self.across_in(x), 1, batch)[0]
        x, weights_across = self.across(x, queries, frames, frame_mask)
        inner = _drop(self.activation(self.fc1(x)), self.activation_dropout)
        return self.norm(_added(x, self.fc2, inner, self.dropout)), weights, weights_across

    def _split(self, x: Tensor, count: int, batch: int) -> Tensor:
        """`(batch * length, count * size)` to `(count, heads * batch, length, head size)`."""
        return x.view(batch, -1, count, self.past.heads, self.past.head_size).permute(2, 3, 0, 1, 4).flatten(1, 2)


class InferenceDecoder:
    """All layers and the head over the vocabulary: `head` turns `(rows, size)` into scores `(rows, vocabulary)`."""

    def __init__(self, layers: Iterable[DecoderLayer], head: nn.Linear) -> None:
        self.layers = [InferenceLayer(layer) for layer in layers]
        self.head = Projection(head)

    def run(
        self,
        x: Tensor,
        slots: Sequence[Slots],
        frames: Sequence[Sources],
        mask: Tensor | None,
        frame_mask: Tensor | None,
    ) -> tuple[Tensor, Trace]:
        """Runs embedded tokens `(batch, length, size)` to the same; the masks are added to the scores of each layer.

        The masks broadcast to `(heads * batch, length, sources)`.
        """
        rows = x.flatten(0, 1)
        trace = Trace([rows], [], [])
        for layer, own, sources in zip(self.layers, slots, frames, strict=True):
            rows, weights, weights_across = layer(rows, own, sources, mask, frame_mask, len(x))
            trace.hidden_states.append(rows)
            trace.attentions.append(weights)
            trace.cross_attentions.append(weights_across)
        return rows.view(x.shape), trace


def _drop(x: Tensor, p: float) -> Tensor:
    return F.dropout(x, p) if p else x


def _added(x: Tensor, projection: Projection, inner: Tensor, p: float) -> Tensor:
    """`x` plus the projection of `inner`, of which a share of `p` is dropped."""
    return x + F.dropout(projection(inner), p) if p else projection(inner, x)
