"""Muon: momentum whose matrices are made orthogonal before they are stepped along. Knows matrices only.

Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/), with steps of the size of AdamW's (Liu et al. 2025,
https://arxiv.org/abs/2502.16982). In the type of the weights: `torch.optim.Muon` rounds to bfloat16, which a processor
without instructions for it multiplies several times as slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic whose iteration brings every singular value close to 1 (Jordan et al.)."""
ITERATIONS = 5
STEP_SIZE = 0.2
"""Root mean square of a step at a learning rate of 1, about that of AdamW's (Liu et al.)."""


class Muon(torch.optim.Optimizer):
    """For the weights of hidden layers; a convolution's are a matrix with a row for each output."""

    def __init__(
        self, weights: Iterable[nn.Parameter], *, lr: float, weight_decay: float = 0.01, momentum: float = 0.95
    ) -> None:
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
                steps = orthogonal(torch.stack([direction for _, direction in members]))
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
    a, b, c = COEFFICIENTS
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    if 2 * matrices.shape[1] > matrices.shape[2]:
        for _ in range(ITERATIONS):
            gram = x @ x.mT
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x
    # The same among the much smaller products of the rows: all factors of x are polynomials of the first one.
    gram, one = x @ x.mT, torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    factor = one.expand_as(gram)
    for _ in range(ITERATIONS):
        quintic = a * one + b * gram + c * gram @ gram
        factor = quintic @ factor
        gram = quintic @ gram @ quintic
    return factor @ x
