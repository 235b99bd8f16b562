"""Multi-head attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) and its masks.

Knows nothing of caches or of what the sequences mean. Masks are added to the scores: 0 keeps, the smallest number of
the type drops. A row that drops everything is therefore uniform, never NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s2t2_live.errors import CheckpointError, InputError
from s2t2_live.speech2text2.linear import linear


class Attention(nn.Module):
    """Projections of queries, keys and values, and the weighted sum."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        if heads < 1 or size % heads:
            raise CheckpointError(f"The hidden size {size} cannot be split into {heads} attention heads.")
        self.heads = heads
        self.dropout = dropout
        self.k_proj = nn.Linear(size, size)
        self.v_proj = nn.Linear(size, size)
        self.q_proj = nn.Linear(size, size)
        self.out_proj = nn.Linear(size, size)

    def split_heads(self, x: Tensor) -> Tensor:
        """`(batch, length, size)` to `(batch, heads, length, head size)`, without a copy."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, length, size)` to two tensors `(batch, heads, length, head size)`."""
        return self.split_heads(linear(self.k_proj, x)), self.split_heads(linear(self.v_proj, x))

    def forward(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        head_mask: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attends from `x` `(batch, length, size)` to `keys` and `values` `(batch, heads, source, head size)`.

        `mask` is added to the scores and broadcasts to `(batch, heads, length, source)`; `causal` says instead that
        position i sees the sources up to i. `head_mask` `(heads,)` scales the weights of each head. The weights
        `(batch, heads, length, source)` are returned on request only, for the fused kernel does not have them.
        """
        queries = self.split_heads(linear(self.q_proj, x))
        dropout = self.dropout if self.training else 0.0
        weights: Tensor | None = None
        if output_attentions or head_mask is not None:
            scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
            if causal:
                mask = causal_mask(queries.shape[-2], keys.shape[-2], scores)
            weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
            if head_mask is not None:
                if head_mask.shape != (self.heads,):
                    raise InputError(f"A head mask needs {self.heads} entries a layer, not {list(head_mask.shape)}.")
                weights = weights * head_mask.view(1, -1, 1, 1)
            context = F.dropout(weights, dropout) @ values
        else:
            context = F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, dropout_p=dropout, is_causal=causal
            )
        context = linear(self.out_proj, context.transpose(1, 2).flatten(2))
        return context, weights if output_attentions else None


def causal_mask(length: int, source: int, like: Tensor) -> Tensor:
    """`(length, source)` of `like`'s type: the last of `length` positions sees every source."""
    mask = torch.full((length, source), torch.finfo(like.dtype).min, dtype=like.dtype, device=like.device)
    return mask.triu(source - length + 1)


def padding_mask(valid: Tensor, like: Tensor) -> Tensor | None:
    """`(batch, source)`, nonzero where valid, to `(batch, 1, 1, source)` of `like`'s type; None if all is valid."""
    valid = valid.bool()
    if bool(valid.all()):
        return None
    mask = torch.zeros(valid.shape, dtype=like.dtype, device=valid.device)
    return mask.masked_fill(~valid, torch.finfo(like.dtype).min)[:, None, None, :]
