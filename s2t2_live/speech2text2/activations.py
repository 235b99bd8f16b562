"""Activation functions by the names that configurations use. Knows nothing of layers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from s2t2_live.errors import CheckpointError

Activation = Callable[[Tensor], Tensor]

_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)


def gelu_tanh(x: Tensor) -> Tensor:
    """Tanh approximation of GELU (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415)."""
    return F.gelu(x, approximate="tanh")


def gelu_fast(x: Tensor) -> Tensor:
    """`gelu_tanh` with the constant cut to ten digits."""
    return 0.5 * x * (1.0 + torch.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))


def gelu_new(x: Tensor) -> Tensor:
    """`gelu_tanh`, written out."""
    return 0.5 * x * (1.0 + torch.tanh(_SQRT_2_OVER_PI * (x + 0.044715 * x.pow(3))))


def gelu_clipped(x: Tensor) -> Tensor:
    """GELU clipped to [-10, 10] (https://arxiv.org/abs/2004.09602)."""
    return F.gelu(x).clamp(-10.0, 10.0)


def quick_gelu(x: Tensor) -> Tensor:
    """Logistic approximation of GELU."""
    return x * torch.sigmoid(1.702 * x)


def laplace(x: Tensor) -> Tensor:
    """Laplace function of MEGA (https://arxiv.org/abs/2209.10655), mean 0.707107 and deviation 0.282095."""
    return 0.5 * (1.0 + torch.erf((x - 0.707107) / (0.282095 * math.sqrt(2.0))))


def relu_squared(x: Tensor) -> Tensor:
    """Squared ReLU (https://arxiv.org/abs/2109.08668)."""
    return F.relu(x).square()


def linear(x: Tensor) -> Tensor:
    return x


_ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_10": gelu_clipped,
    "gelu_fast": gelu_fast,
    "gelu_new": gelu_new,
    "gelu_python": F.gelu,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_accurate": gelu_new,
    "laplace": laplace,
    "leaky_relu": F.leaky_relu,
    "linear": linear,
    "mish": F.mish,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "relu2": relu_squared,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": torch.tanh,
}


def activation(name: str | Activation) -> Activation:
    """The function of that name; a function is returned as it is.

    Raises:
        CheckpointError: no activation has that name.
    """
    if callable(name):
        return name
    if name not in _ACTIVATIONS:
        raise CheckpointError(f'There is no activation "{name}"; known: {", ".join(_ACTIVATIONS)}.')
    return _ACTIVATIONS[name]
