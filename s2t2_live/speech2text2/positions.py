"""Sinusoidal positions of the decoder's tokens. Knows nothing of the tokens but which one is padding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class SinusoidalPositions(nn.Module):
    """A table of vectors, kept in checkpoints as `weights`; positions past its end are computed when they come up.

    Position p of size d is `[sin(p f_0) … sin(p f_h-1), cos(p f_0) … cos(p f_h-1)]` with `h = d / 2` and
    `f_i = exp(-i ln(10000) / (h - 1))` (fairseq's variant of section 3.5 of https://arxiv.org/abs/1706.03762). Padding
    has the position `padding_id` and a vector of zeros; other tokens count from `padding_id + 1`.
    """

    def __init__(self, positions: int, size: int, padding_id: int) -> None:
        super().__init__()
        self.padding_id = padding_id
        self.size = size
        self.rows = positions + 2
        empty = torch.empty(self.rows, size)
        # On the meta device the table is about to be loaded; computing it there would import torch's compiler (2 s).
        self.weights = nn.Parameter(empty if empty.is_meta else self.table(self.rows), requires_grad=False)

    def table(self, rows: int) -> Tensor:
        """The first `rows` positions, `(rows, size)`, float32."""
        table = self.vectors(torch.arange(rows))
        table[self.padding_id] = 0.0
        return table

    def vectors(self, positions: Tensor) -> Tensor:
        """Vectors of `positions` other than padding, computed: one more axis, `size` long, float32."""
        half = self.size // 2
        frequencies = torch.exp(
            torch.arange(half, dtype=torch.float32, device=positions.device) * -(math.log(10000) / (half - 1))
        )
        angles = positions.float()[..., None] * frequencies
        return nn.functional.pad(torch.cat([angles.sin(), angles.cos()], dim=-1), (0, self.size % 2))

    def derive_missing(self, name: str) -> Tensor | None:
        return self.table(self.rows) if name == "weights" else None

    def position_ids(self, ids: Tensor, past: int) -> Tensor:
        """Positions of `ids` `(batch, length)` that follow `past` others, same shape."""
        tokens = ids.ne(self.padding_id)
        return (tokens.cumsum(1) + past) * tokens + self.padding_id

    def forward(self, positions: Tensor, most: int) -> Tensor:
        """Vectors of `positions`, of which none exceeds `most`: one more axis, `size` long."""
        table: Tensor = self.weights
        if most < len(table):
            return nn.functional.embedding(positions, table)
        kept = nn.functional.embedding(positions.clamp(max=len(table) - 1), table)
        return torch.where((positions < len(table))[..., None], kept, self.vectors(positions).to(kept.dtype))
