"""The decoder's layers made ready for running token by token, where few rows meet large matrices.

The matrices are cut into blocks that each lie in one piece: a product with few rows of a matrix whose rows lie memory
pages apart would spend its time on finding the pages. For an attention a block is a head, and vectors stay split by
heads, so that nothing is rearranged between the products. Knows nothing of tokens or of search.
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

if TYPE_CHECKING:
    from s2t2_live.speech2text2.decoder import DecoderLayer

_WIDTH = 256
"""Columns of a block where nothing else asks for a width."""


class Spread:
    """Linear modules of one input as products with blocks of columns."""

    def __init__(self, *modules: nn.Module, width: int) -> None:
        self.modules = modules
        self.width = width
        self.matrices: Tensor | None = None
        linear = [module for module in modules if type(module) is nn.Linear]
        if len(linear) < len(modules):  # quantised modules and the like multiply in their own way
            return
        matrix = torch.cat([module.weight.detach() for module in linear])
        matrix = F.pad(matrix, (0, 0, 0, -len(matrix) % width))
        none = [matrix.new_zeros(module.out_features) for module in linear]
        biases = [n if module.bias is None else module.bias.detach() for module, n in zip(linear, none, strict=True)]
        bias = torch.cat(biases)
        self.bias = F.pad(bias, (0, len(matrix) - len(bias))).view(-1, 1, width)
        self.matrices = matrix.view(-1, width, matrix.shape[1]).transpose(1, 2).contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        """`(rows, size)` to `(blocks, rows, width)`, the modules one after the other, zeros at the end if need be."""
        if self.matrices is None:
            columns = torch.cat([module(x) for module in self.modules], dim=1)
            columns = F.pad(columns, (0, -columns.shape[1] % self.width))
            return columns.view(len(x), -1, self.width).transpose(0, 1).contiguous()
        return torch.baddbmm(self.bias, x.expand(len(self.matrices), -1, -1), self.matrices)


class Gather:
    """A linear module that reads blocks of columns."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.matrix: Tensor | None = None
        if type(module) is nn.Linear:
            self.matrix = module.weight.detach().t().contiguous()
            self.bias = module.weight.new_zeros(len(module.weight)) if module.bias is None else module.bias.detach()

    def __call__(self, blocks: Tensor) -> Tensor:
        """`(blocks, rows, width)` to `(rows, size)`."""
        count, rows, width = blocks.shape
        if self.matrix is None:
            return self.module(blocks.transpose(0, 1).reshape(rows, -1))
        if rows == 1 or blocks.dtype != torch.float32:  # sums of half-width numbers would lose digits
            return torch.addmm(self.bias, blocks.transpose(0, 1).reshape(rows, -1), self.matrix)
        return torch.bmm(blocks, self.matrix.view(count, width, -1)).sum(0).add_(self.bias)


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
        self.out = Gather(module.out_proj)
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
        out = self.out(context.view(self.heads, -1, self.head_size))
        return self.norm(x + _drop(out, self.dropout)), weights


class InferenceLayer:
    """One layer of the decoder."""

    def __init__(self, layer: DecoderLayer) -> None:
        past, across = layer.self_attn, layer.encoder_attn
        self.dropout = layer.dropout if layer.training else 0.0
        self.activation_dropout = layer.activation_dropout if layer.training else 0.0
        self.past = InferenceAttention(past, layer.self_attn_layer_norm, self.dropout)
        self.past_in = Spread(past.q_proj, past.k_proj, past.v_proj, width=self.past.head_size)
        self.across_keys_values = across.keys_and_values
        self.across = InferenceAttention(across, layer.encoder_attn_layer_norm, self.dropout)
        self.across_in = Spread(across.q_proj, width=self.across.head_size)
        inner = layer.fc2.in_features
        self.fc1 = Spread(layer.fc1, width=inner if inner % _WIDTH else _WIDTH)
        self.activation = layer.activation
        self.fc2 = Gather(layer.fc2)
        self.norm = Norm(layer.final_layer_norm)

    def sources(self, frames: Tensor) -> Sources:
        """Keys and values of the encoder's frames `(batch, frames, size)`."""
        keys, values = (t.transpose(0, 1).flatten(0, 1) for t in self.across_keys_values(frames))
        return Sources(keys.transpose(1, 2).contiguous(), values.contiguous())

    def __call__(
        self, x: Tensor, slots: Slots, frames: Sources, mask: Tensor | None, frame_mask: Tensor | None, batch: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`x` `(batch * length, size)` to the same, and the weights of both attentions."""
        own = self.past_in(x).view(3, self.past.heads * batch, -1, self.past.head_size)
        keys, values = slots.extend(own[1:]).unbind()
        x, weights = self.past(x, own[0], Sources(keys.transpose(1, 2), values), mask)
        queries = self.across_in(x).view(self.across.heads * batch, -1, self.across.head_size)
        x, weights_across = self.across(x, queries, frames, frame_mask)
        inner = _drop(self.activation(self.fc1(x)), self.activation_dropout)
        return self.norm(x + _drop(self.fc2(inner), self.dropout)), weights, weights_across


class InferenceDecoder:
    """All layers and the head over the vocabulary."""

    def __init__(self, layers: Iterable[DecoderLayer], head: nn.Linear) -> None:
        self.layers = [InferenceLayer(layer) for layer in layers]
        self.vocabulary = head.out_features
        self._head = Spread(head, width=min(_WIDTH, self.vocabulary))

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

    def head(self, x: Tensor) -> Tensor:
        """Scores of the tokens, `(rows, size)` to `(rows, vocabulary)`."""
        return self._head(x).transpose(0, 1).reshape(len(x), -1)[:, : self.vocabulary]


def _drop(x: Tensor, p: float) -> Tensor:
    return F.dropout(x, p) if p else x
