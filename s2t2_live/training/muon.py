"""Muon: momentum whose matrices are made orthogonal before they are stepped along. Knows matrices only.

Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/), with steps of the size of AdamW's (Liu et al. 2025,
https://arxiv.org/abs/2502.16982). `torch.optim.Muon` always rounds to bfloat16, which a processor without instructions
for it multiplies several times as slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (
    (8.3837, -24.7659, 18.3571),
    (4.0434, -3.0114, 0.5695),
    (3.5056, -2.6267, 0.5257),
    (2.4902, -1.8343, 0.4368),
)
"""Of the quintics `a x + b x³ + c x⁵` that, one after the other, bring singular values from 0.003 to 1 into 0.8 to 1.2,
each the best for what the one before leaves (Amsel et al. 2025, https://arxiv.org/abs/2505.16932). Five times the
quintic of Jordan et al. brings them into 0.68 to 1.2.
"""
STEP_SIZE = 0.2
"""Root mean square of a step at a learning rate of 1, about that of AdamW's (Liu et al.)."""


class Muon(torch.optim.Optimizer):
    """For the weights of hidden layers; a convolution's are a matrix with a row for each output."""

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        half: bool = False,
    ) -> None:
        """`half` finds the orthogonal matrices in bfloat16, otherwise in the type of the weights."""
        self.half = half
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # torch returns a loss
        """One step along the gradients; `closure` is not called."""
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[tuple[nn.Parameter, Tensor]]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    direction = self._direction(weight, group["momentum"])
                    alike.setdefault((direction.shape[0], direction.shape[1]), []).append((weight, direction))
            for shape, members in alike.items():
                directions = torch.stack([direction for _, direction in members])
                steps = orthogonal(directions.bfloat16() if self.half else directions)
                size = STEP_SIZE * max(shape) ** 0.5
                for (weight, _), step in zip(members, steps, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(step.view(weight.shape), alpha=-group["lr"] * size)

    def _direction(self, weight: nn.Parameter, momentum: float) -> Tensor:
        """Nesterov's momentum, (rows, columns)."""
        state: dict[str, Any] = self.state[weight]
        gradient = weight.grad
        assert gradient is not None
        if not state:
            state["average"] = torch.zeros_like(weight)
        average: Tensor = state["average"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(average, momentum).flatten(1)


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (n, rows, columns) with the same singular vectors, and singular values of about 1."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT).mT
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    if 2 * matrices.shape[1] > matrices.shape[2]:
        for coefficients in COEFFICIENTS:
            x = _factor(x @ x.mT, *coefficients) @ x
        return x
    # The same among the much smaller products of the rows: all factors of x are polynomials of the first one.
    gram = x @ x.mT
    factor = product = _factor(gram, *COEFFICIENTS[0])
    for coefficients in COEFFICIENTS[1:]:
        gram = factor @ gram @ factor
        factor = _factor(gram, *coefficients)
        product = factor @ product
    return product @ x


def _factor(gram: Tensor, a: float, b: float, c: float) -> Tensor:
    """What a quintic multiplies a matrix by, given the products of its rows (n, rows, rows)."""
    found = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    found.diagonal(dim1=1, dim2=2).add_(a)
    return found
