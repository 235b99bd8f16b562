"""A trained encoder that hears each utterance clean, while the one that learns hears it in rooms and noise.

That is Li et al. 2017, https://arxiv.org/abs/1708.05466, with states in place of classes. Knows no loss of the task.

A sentence's labels say little of what went wrong in which frame; the states that the clean sound gives say it of each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from s2t2_live.errors import ModelError
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel

WEIGHT = 3.0
"""Of the distance, beside the losses of the task: the gradients of all three are about as long."""


class Teacher:
    """Gives the states that are to be reached."""

    def __init__(self, model: SpeechEncoderDecoderModel, learner: SpeechEncoderDecoderModel) -> None:
        """Raises ModelError when the states of the two are not of one size and rate."""
        for one, other in (
            (model.config.decoder, learner.config.decoder),
            (model.config.encoder, learner.config.encoder),
        ):
            for name in ("d_model", "conv_stride", "conv_kernel"):
                if getattr(one, name, None) != getattr(other, name, None):
                    raise ModelError(f"The teacher cannot teach this model: their `{name}` differs.")
        self.model = model.to(learner.device).eval()

    @torch.no_grad()
    def states(self, audio: Tensor, mask: Tensor | None) -> Tensor:
        """Of clean audio, (batch, samples), what the decoder attends to, (batch, frames, size)."""
        output = self.model.encoder(audio, attention_mask=mask, return_dict=True)
        return self.model.project(output.last_hidden_state)


def distance(states: Tensor, targets: Tensor, frames: Tensor) -> Tensor:
    """How far the states are from the targets, both (batch, frames, size), in the first `frames`, (batch,), of each.

    The squared difference over all of it, divided by that of the targets' own mean: 0 is there, 1 no nearer than that.
    """
    inside = torch.arange(states.shape[1], device=states.device) < frames[:, None]
    wanted = targets[inside].float()
    spread = (wanted - wanted.mean(0)).square().sum()
    return (states[inside].float() - wanted).square().sum() / spread.clamp_min(1e-6)
