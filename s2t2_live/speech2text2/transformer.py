"""The transformer encoder that Wav2Vec2 and HuBERT share, plain (post-norm) and stable (pre-norm).

Knows nothing of audio. Module names are those of the checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from s2t2_live.speech2text2.activations import activation
from s2t2_live.speech2text2.attention import Attention, padding_mask
from s2t2_live.speech2text2.config import SpeechEncoderConfig
from s2t2_live.speech2text2.features import PositionalConvolution
from s2t2_live.speech2text2.linear import ROWS, filled_up, linear
from s2t2_live.speech2text2.outputs import EncoderOutput


class FeedForward(nn.Module):
    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = activation(config.hidden_act)
        self.intermediate_dropout = nn.Dropout(config.activation_dropout)
        self.output_dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.output_dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.intermediate_dropout(self.activation(linear(self.intermediate_dense, x)))
        return self.output_dropout(linear(self.output_dense, x))


class AttentionAdapter(nn.Module):
    """Bottleneck after a layer's feed-forward part (`adapter_attn_dim`; MMS, https://arxiv.org/abs/2305.13516)."""

    def __init__(self, size: int, bottleneck: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.linear_1 = nn.Linear(size, bottleneck)
        self.linear_2 = nn.Linear(bottleneck, size)

    def forward(self, x: Tensor) -> Tensor:
        return linear(self.linear_2, torch.relu(linear(self.linear_1, self.norm(x))))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward part; normalised before each (stable) or after each."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.stable = config.do_stable_layer_norm
        self.attention = Attention(config.hidden_size, config.num_attention_heads, config.attention_dropout)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        bottleneck = getattr(config, "adapter_attn_dim", None) if self.stable else None
        self.adapter_layer = AttentionAdapter(config.hidden_size, bottleneck) if bottleneck else None

    def forward(self, x: Tensor, mask: Tensor | None, output_attentions: bool = False) -> tuple[Tensor, Tensor | None]:
        """`(batch, frames, size)` to the same, and the attention weights on request."""
        source = self.layer_norm(x) if self.stable else x
        keys, values = self.attention.keys_and_values(source)
        context, weights = self.attention(source, keys, values, mask, output_attentions=output_attentions)
        x = x + self.dropout(context)
        if not self.stable:
            x = self.layer_norm(x)
            return self.final_layer_norm(x + self.feed_forward(x)), weights
        x = x + self.feed_forward(self.final_layer_norm(x))
        if self.adapter_layer is not None:
            x = x + self.adapter_layer(x)
        return x, weights


class TransformerEncoder(nn.Module):
    """Positions and layers."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        self.stable = config.do_stable_layer_norm
        self.layerdrop = config.layerdrop
        self.pos_conv_embed = PositionalConvolution(config)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self,
        x: Tensor,
        frame_mask: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> EncoderOutput:
        """`(batch, frames, size)`, with a boolean mask `(batch, frames)`, true where a frame is valid."""
        frames = x.shape[1]
        if frames % ROWS and x.device.type == "cpu" and not (self.training or torch.is_grad_enabled()):
            if frame_mask is None:
                frame_mask = x.new_ones(x.shape[:2], dtype=torch.bool)
            x, frame_mask = filled_up(x, 1), filled_up(frame_mask, 1)
        mask = None
        if frame_mask is not None:
            mask = padding_mask(frame_mask, x)
            if mask is not None:
                x = x.masked_fill(~frame_mask[..., None], 0.0)
        x = x + self.pos_conv_embed(x)
        if not self.stable:
            x = self.layer_norm(x)
        x = self.dropout(x)
        hidden_states: list[Tensor] = []
        attentions: list[Tensor | None] = []
        for layer in self.layers:
            hidden_states.append(x)
            # Drawn in evaluation too: seeded sampling then goes on as in 4.37.2. LayerDrop: arXiv 1909.11556.
            dropped = torch.rand([]).item() < self.layerdrop and self.training
            weights = None
            if not dropped:
                x, weights = layer(x, mask, output_attentions)
            attentions.append(weights)
        if self.stable:
            x = self.layer_norm(x)
        hidden_states.append(x)
        if x.shape[1] > frames:
            hidden_states = [states[:, :frames] for states in hidden_states]
            attentions = [None if weights is None else weights[..., :frames, :frames] for weights in attentions]
        return EncoderOutput(
            last_hidden_state=hidden_states[-1],
            hidden_states=tuple(hidden_states) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )
