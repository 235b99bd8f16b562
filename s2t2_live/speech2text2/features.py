"""From the waveform to the transformer's input: the convolutions over raw audio and the projection.

Knows nothing of the transformer. Module and parameter names are those of the checkpoints.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from s2t2_live.errors import AudioInputError
from s2t2_live.speech2text2.activations import activation
from s2t2_live.speech2text2.checkpoint import OLD_WEIGHT_NORM
from s2t2_live.speech2text2.config import SpeechEncoderConfig
from s2t2_live.speech2text2.linear import ROWS, linear

_FRAMES_AT_ONCE = 64
"""Frames (1.3 s in the published shape) that the convolutions compute together where no gradient is needed."""
_PARTS = 8
"""In which the positional convolution is computed where no gradient is needed, as far as its groups allow."""


class FeatureConvolution(nn.Module):
    """One convolution, normalised over channels ("layer"), over time ("group", first layer only) or not at all."""

    def __init__(self, config: SpeechEncoderConfig, index: int) -> None:
        super().__init__()
        channels_in = config.conv_dim[index - 1] if index else 1
        channels = config.conv_dim[index]
        self.conv = nn.Conv1d(
            channels_in, channels, config.conv_kernel[index], config.conv_stride[index], bias=config.conv_bias
        )
        if config.feat_extract_norm == "layer":
            self.layer_norm: nn.Module | None = nn.LayerNorm(channels)
        else:
            self.layer_norm = nn.GroupNorm(channels, channels) if index == 0 else None
        self.activation = activation(config.feat_extract_activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, time)` to the same with fewer time steps."""
        x = self.conv(x)
        if isinstance(self.layer_norm, nn.LayerNorm):
            # The activation runs while channels are last, where memory is contiguous.
            x = self.layer_norm(x.transpose(1, 2))
            return self.activation(x).transpose(1, 2)
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        return self.activation(x)


class FeatureEncoder(nn.Module):
    """The stack of convolutions over the waveform."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(FeatureConvolution(config, i) for i in range(len(config.conv_dim)))
        self.kernels = list(config.conv_kernel)
        self.strides = list(config.conv_stride)
        self.over_time = config.feat_extract_norm == "group"

    @property
    def receptive_field(self) -> int:
        """Samples that the first frame sees, the fewest that make a frame."""
        field = 1
        for kernel, stride in zip(reversed(self.kernels), reversed(self.strides), strict=True):
            field = (field - 1) * stride + kernel
        return field

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames that so many samples give, for each entry."""
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths

    def forward(self, waveform: Tensor) -> Tensor:
        """`(batch, samples)` to `(batch, frames, channels)`.

        Raises:
            AudioInputError: the waveform is not of rank 2, shorter than one frame, or not finite.
        """
        if waveform.dim() != 2:
            raise AudioInputError(f"Audio must have the shape (batch, samples), not {list(waveform.shape)}.")
        if waveform.shape[1] < self.receptive_field:
            raise AudioInputError(
                f"{waveform.shape[1]} samples are too few: one frame needs {self.receptive_field}; give longer audio."
            )
        if not bool(torch.isfinite(waveform).all()):
            raise AudioInputError("The audio has values that are not finite; check where it comes from.")
        if self.over_time or torch.is_grad_enabled():
            return self._convolve(waveform)
        # The first layers' outputs are the largest of the whole model: in parts they take a fraction of the memory.
        frames = int(self.output_lengths(torch.tensor(waveform.shape[1])))
        stride, overlap = math.prod(self.strides), self.receptive_field - math.prod(self.strides)
        whole = frames + -frames % ROWS
        waveform = nn.functional.pad(waveform, (0, max(0, whole * stride + overlap - waveform.shape[1])))
        starts = range(0, whole, _FRAMES_AT_ONCE)
        ends = (min(start + _FRAMES_AT_ONCE, whole) for start in starts)
        parts = [waveform[:, start * stride : end * stride + overlap] for start, end in zip(starts, ends, strict=True)]
        return torch.cat([self._convolve(part) for part in parts], dim=1)[:, :frames]

    def _convolve(self, waveform: Tensor) -> Tensor:
        x = waveform[:, None]
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)


class FeatureProjection(nn.Module):
    """From the convolutions' channels to the transformer's size."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        if getattr(config, "feat_proj_layer_norm", True):
            self.layer_norm: nn.LayerNorm | None = nn.LayerNorm(config.conv_dim[-1], eps=config.layer_norm_eps)
        else:
            self.layer_norm = None
        self.projection = nn.Linear(config.conv_dim[-1], config.hidden_size)
        self.dropout = nn.Dropout(config.feat_proj_dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """`(batch, frames, channels)` to the projected and to the normalised features."""
        if self.layer_norm is not None:
            features = self.layer_norm(features)
        return self.dropout(linear(self.projection, features)), features


class Adapter(nn.Module):
    """Strided convolutions after the transformer that shorten its output (Wav2Vec2's `add_adapter`)."""

    def __init__(self, size_in: int, size: int, layers: int, kernel: int, stride: int, layerdrop: float) -> None:
        super().__init__()
        resize = size_in != size
        self.proj: nn.Linear | None = nn.Linear(size_in, size) if resize else None
        self.proj_layer_norm: nn.LayerNorm | None = nn.LayerNorm(size) if resize else None
        self.layers = nn.ModuleList(AdapterLayer(size, kernel, stride) for _ in range(layers))
        self.kernel = kernel
        self.stride = stride
        self.layerdrop = layerdrop

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames that are left of so many, for each entry."""
        for _ in self.layers:
            lengths = torch.div(lengths + 2 - self.kernel, self.stride, rounding_mode="floor") + 1
        return lengths

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, frames, size_in)` to `(batch, fewer frames, size)`."""
        if self.proj is not None and self.proj_layer_norm is not None:
            x = self.proj_layer_norm(linear(self.proj, x))
        x = x.transpose(1, 2)
        for layer in self.layers:
            # Drawn from numpy and in evaluation too: seeded training then goes on as in 4.37.2.
            kept = np.random.random() > self.layerdrop
            if kept or not self.training:
                x = layer(x)
        return x.transpose(1, 2)


class AdapterLayer(nn.Module):
    def __init__(self, size: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, 2 * size, kernel, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.glu(self.conv(x), dim=1)


class PositionalConvolution(nn.Module):
    """Relative positions as a grouped convolution whose weight is normalised along its kernel.

    The weight is `g * v / |v|` with one norm per kernel position (Salimans and Kingma 2016,
    https://arxiv.org/abs/1602.07868).
    """

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.conv = WeightNormConvolution(
            config.hidden_size, config.num_conv_pos_embeddings, config.num_conv_pos_embedding_groups
        )
        self.activation = activation(config.feat_extract_activation)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, frames, size)` to the same shape."""
        y = self.conv(x.transpose(1, 2))
        # An even kernel with half its width of padding gives one frame too many.
        return self.activation(y[..., : x.shape[1]]).transpose(1, 2)


class _Parametrizations(nn.Module):
    """A level of the names that torch's weight norm gives to its factors."""

    def __init__(self, size: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.weight = _MagnitudeAndDirection(size, kernel, groups)


class _MagnitudeAndDirection(nn.Module):
    def __init__(self, size: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.original0 = nn.Parameter(torch.empty(1, 1, kernel))
        self.original1 = nn.Parameter(torch.empty(size, size // groups, kernel))


class WeightNormConvolution(nn.Module):
    """A grouped 1-d convolution with weight norm.

    Without gradients it takes some groups at a time, so that there never is a copy of the whole weight, and keeps the
    factor `g / |v|` from call to call.
    """

    def __init__(self, size: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.padding = kernel // 2
        self.bias = nn.Parameter(torch.zeros(size))
        self.parametrizations = _Parametrizations(size, kernel, groups)
        self._scale: tuple[tuple[object, ...], Tensor] | None = None

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws the weight from a normal distribution of the variance 4 / (kernel * size), and no bias."""
        factors = self.parametrizations.weight
        size, _, kernel = factors.original1.shape
        nn.init.normal_(factors.original1, std=2 * math.sqrt(1 / (kernel * size)))
        factors.original0.copy_(factors.original1.norm(dim=(0, 1), keepdim=True))
        nn.init.zeros_(self.bias)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # What `load_state_dict` hands down is its own copy; the factors' modules find there what they look for.
        for old, new in OLD_WEIGHT_NORM.items():
            if f"{prefix}{old}" in state_dict:
                state_dict[f"{prefix}{new}"] = state_dict.pop(f"{prefix}{old}")
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def scale(self) -> Tensor:
        """`g / |v|`, `(1, 1, kernel)`, without gradient."""
        g, v = self.parametrizations.weight.original0, self.parametrizations.weight.original1
        if g.is_inference() or v.is_inference() or g.grad is not None or v.grad is not None:
            return _scale(g, v)  # A fused optimiser's step raises no version.
        # In-place updates raise the version, moves and replacements change the address.
        state = (g._version, v._version, g.data_ptr(), v.data_ptr(), v.dtype, v.device)
        if self._scale is None or self._scale[0] != state:
            self._scale = (state, _scale(g, v))
        return self._scale[1]

    def train(self, mode: bool = True) -> WeightNormConvolution:
        self._scale = None
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        g, v = self.parametrizations.weight.original0, self.parametrizations.weight.original1
        if torch.is_grad_enabled() and (x.requires_grad or g.requires_grad or v.requires_grad):
            self._scale = None  # it may be out of date before it is asked for again
            weight = torch._weight_norm(v, g, 2)
            return nn.functional.conv1d(x, weight, self.bias, padding=self.padding, groups=self.groups)
        scale = self.scale()
        parts = math.gcd(self.groups, _PARTS)
        split = zip(x.chunk(parts, dim=1), v.chunk(parts), self.bias.chunk(parts), strict=True)
        groups = self.groups // parts
        return torch.cat(
            [
                nn.functional.conv1d(some, direction * scale, bias, padding=self.padding, groups=groups)
                for some, direction, bias in split
            ],
            dim=1,
        )


@torch.no_grad()
def _scale(g: Tensor, v: Tensor) -> Tensor:
    return (g.float() / v.float().norm(dim=(0, 1), keepdim=True)).to(v.dtype)
