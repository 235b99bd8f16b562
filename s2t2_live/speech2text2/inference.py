"""The decoder's layers made ready for running token by token, where few rows meet large matrices.

Projections of the same vectors are merged, matrices lie the way that a product with few rows reads them fastest, and
a step is a plain sequence of tensor operations. Knows nothing of tokens or of search.
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
from s2t2_live.speech2text2.outputs import DecoderOutput

if TYPE_CHECKING:
    from s2t2_live.speech2text2.decoder import DecoderLayer

_WIDTH = 256
"""Columns of a block."""


class Affine:
    """Linear modules of one input as a single product.

    The matrix is cut into blocks of columns, `(blocks, size in, width)`: the rows of a wide matrix lie memory pages
    apart, and a product with few rows would spend its time on finding the pages.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules
        self.matrix: Tensor | None = None
        linear = [module for module in modules if type(module) is nn.Linear]
        if len(linear) < len(modules):  # quantised modules and the like multiply in their own way
            return
        matrix = torch.cat([module.weight.detach() for module in linear])
        self.size = len(matrix)
        matrix = F.pad(matrix, (0, 0, 0, -self.size % min(_WIDTH, self.size)))
        none = [matrix.new_zeros(module.out_features) for module in linear]
        biases = [n if module.bias is None else module.bias.detach() for module, n in zip(linear, none, strict=True)]
        bias = F.pad(torch.cat(biases), (0, len(matrix) - self.size))
        blocks = -(-len(matrix) // _WIDTH)
        self.bias = bias.view(blocks, 1, -1)
        self.matrix = matrix.view(blocks, -1, matrix.shape[1]).transpose(1, 2).contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """`(rows, size)` to `(rows, sum of the modules' sizes)`."""
        if self.matrix is None:
            return torch.cat([module(x) for module in self.modules], dim=1)
        if len(self.matrix) == 1:
            return torch.addmm(self.bias[0], x, self.matrix[0])
        parts = torch.baddbmm(self.bias, x.expand(len(self.matrix), -1, -1), self.matrix)
        return parts.transpose(0, 1).reshape(len(x), -1)[:, : self.size]


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
    """Keys `(batch * heads, head size, sources)` and values `(batch * heads, sources, head size)`."""

    keys: Tensor
    values: Tensor


class InferenceAttention:
    """One attention of a layer, from the input's vectors to the sum with them and its normalisation."""

    def __init__(self, module: Attention, norm: nn.LayerNorm, dropout: float) -> None:
        self.heads = module.heads
        self.size = norm.normalized_shape[0]
        self.scale = (self.size // self.heads) ** -0.5
        self.nothing = norm.weight.new_zeros(())
        self.weights_dropout = module.dropout if module.training else 0.0
        self.dropout = dropout
        self.out = Affine(module.out_proj)
        self.norm = Norm(norm)

    def split_heads(self, x: Tensor, batch: int) -> Tensor:
        """`(batch * length, n * size)` to `(n, batch * heads, length, head size)`."""
        parts = x.view(batch, -1, x.shape[1] // self.size, self.heads, self.size // self.heads)
        return parts.permute(2, 0, 3, 1, 4).flatten(1, 2)

    def __call__(self, x: Tensor, queries: Tensor, sources: Sources, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The result `(batch * length, size)` and the weights `(batch * heads, length, sources)`.

        `queries` are `(batch * heads, length, head size)`; `mask` is added to the scores.
        """
        if mask is None:
            scores = torch.baddbmm(self.nothing, queries, sources.keys, beta=0, alpha=self.scale)
        else:
            scores = torch.baddbmm(mask, queries, sources.keys, alpha=self.scale)
        weights = torch.softmax(scores, -1)
        context = torch.bmm(_drop(weights, self.weights_dropout), sources.values)
        context = context.unflatten(0, (-1, self.heads)).transpose(1, 2).reshape(x.shape)
        return self.norm(x + _drop(self.out(context), self.dropout)), weights


class InferenceLayer:
    """One layer of the decoder."""

    def __init__(self, layer: DecoderLayer) -> None:
        past, across = layer.self_attn, layer.encoder_attn
        self.dropout = layer.dropout if layer.training else 0.0
        self.activation_dropout = layer.activation_dropout if layer.training else 0.0
        self.past_in = Affine(past.q_proj, past.k_proj, past.v_proj)
        self.past = InferenceAttention(past, layer.self_attn_layer_norm, self.dropout)
        self.across_in = Affine(across.q_proj)
        self.across_keys_values = across.keys_and_values
        self.across = InferenceAttention(across, layer.encoder_attn_layer_norm, self.dropout)
        self.fc1 = Affine(layer.fc1)
        self.activation = layer.activation
        self.fc2 = Affine(layer.fc2)
        self.norm = Norm(layer.final_layer_norm)

    def sources(self, frames: Tensor) -> Sources:
        """Keys and values of the encoder's frames `(batch, frames, size)`."""
        keys, values = self.across_keys_values(frames)
        return Sources(keys.flatten(0, 1).transpose(1, 2).contiguous(), values.flatten(0, 1).contiguous())

    def __call__(
        self, x: Tensor, slots: Slots, frames: Sources, mask: Tensor | None, frame_mask: Tensor | None, batch: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`x` `(batch * length, size)` to the same, and the weights of both attentions."""
        own = self.past.split_heads(self.past_in(x), batch)
        keys, values = slots.extend(own[1:])
        x, weights = self.past(x, own[0], Sources(keys.transpose(1, 2), values), mask)
        queries = self.across.split_heads(self.across_in(x), batch)[0]
        x, weights_across = self.across(x, queries, frames, frame_mask)
        inner = _drop(self.activation(self.fc1(x)), self.activation_dropout)
        x = self.norm(x + _drop(self.fc2(inner), self.dropout))
        return x, weights, weights_across


class InferenceDecoder:
    """All layers and the head over the vocabulary."""

    def __init__(self, layers: Iterable[DecoderLayer], head: nn.Module) -> None:
        self.layers = [InferenceLayer(layer) for layer in layers]
        self.head = Affine(head)

    def run(
        self,
        x: Tensor,
        slots: Sequence[Slots],
        frames: Sequence[Sources],
        mask: Tensor | None,
        frame_mask: Tensor | None,
    ) -> DecoderOutput:
        """Runs embedded tokens `(batch, length, size)`; the masks are added to the scores of each layer.

        The masks broadcast to `(batch * heads, length, sources)`. The output has hidden states and weights too.
        """
        batch = len(x)
        rows = x.flatten(0, 1)
        hidden_states, attentions, cross_attentions = [x], [], []
        for layer, own, sources in zip(self.layers, slots, frames, strict=True):
            rows, weights, weights_across = layer(rows, own, sources, mask, frame_mask, batch)
            hidden_states.append(rows.view(x.shape))
            attentions.append(weights.unflatten(0, (batch, -1)))
            cross_attentions.append(weights_across.unflatten(0, (batch, -1)))
        return DecoderOutput(
            last_hidden_state=hidden_states[-1],
            hidden_states=tuple(hidden_states),
            attentions=tuple(attentions),
            cross_attentions=tuple(cross_attentions),
        )


def _drop(x: Tensor, p: float) -> Tensor:
    return F.dropout(x, p) if p else x
