"""What Wav2Vec2 and HuBERT share: features, SpecAugment, transformer. Knows nothing of text."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from s2t2_live.errors import AudioInputError
from s2t2_live.speech2text2.config import SpeechEncoderConfig
from s2t2_live.speech2text2.features import FeatureEncoder, FeatureProjection, WeightNormConvolution
from s2t2_live.speech2text2.outputs import EncoderOutput
from s2t2_live.speech2text2.pretrained import PretrainedModel
from s2t2_live.speech2text2.spec_augment import span_mask
from s2t2_live.speech2text2.transformer import TransformerEncoder


class SpeechEncoder(PretrainedModel):
    """A waveform in, a sequence of hidden states out."""

    config: SpeechEncoderConfig
    masked_spec_embed: nn.Parameter

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__(config)
        self.feature_extractor = FeatureEncoder(config)
        self.feature_projection = FeatureProjection(config)
        if config.mask_time_prob > 0.0 or config.mask_feature_prob > 0.0:
            self.masked_spec_embed = nn.Parameter(torch.empty(config.hidden_size))
        self.encoder = TransformerEncoder(config)
        self.initialize(self)

    @property
    def output_size(self) -> int:
        """Size of `last_hidden_state`."""
        return self.config.hidden_size

    @torch.no_grad()
    def initialize(self, part: nn.Module) -> None:
        """Draws the weights of `part` at random as for pre-training, unless they are about to be loaded."""
        if next(part.parameters()).is_meta:
            return
        if part is self and hasattr(self, "masked_spec_embed"):
            nn.init.uniform_(self.masked_spec_embed)
        for module in reversed(list(part.modules())):  # children first: the projection has its own distribution
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=self.config.initializer_range)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Conv1d):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    bound = math.sqrt(module.groups / (module.in_channels * module.kernel_size[0]))
                    nn.init.uniform_(module.bias, -bound, bound)
            elif isinstance(module, FeatureProjection):
                module.projection.reset_parameters()
            elif isinstance(module, WeightNormConvolution):
                module.reset_parameters()

    def derive_missing(self, name: str) -> Tensor | None:
        """The mask vector matters in training only, and many published files lack it."""
        if name != "masked_spec_embed":
            return None
        return torch.rand(self.config.hidden_size)

    def freeze_feature_encoder(self) -> None:
        """Takes the convolutions over the waveform out of training."""
        self.feature_extractor.requires_grad_(False)

    def frame_lengths(self, samples: Tensor) -> Tensor:
        """Frames of `last_hidden_state` that so many samples give, for each entry."""
        return self.feature_extractor.output_lengths(samples)

    def frame_mask(self, frames: int, attention_mask: Tensor) -> Tensor:
        """Which of the frames of `last_hidden_state` are valid, from the mask of the samples.

        Args:
            frames: length of the result.
            attention_mask: `(batch, samples)`, nonzero where valid, padded on the right.

        Returns:
            A boolean tensor `(batch, frames)`.

        Raises:
            AudioInputError: a row has fewer valid samples than one frame needs.
        """
        return self._valid(frames, self.frame_lengths(self._valid_samples(attention_mask)))

    def _valid_samples(self, attention_mask: Tensor) -> Tensor:
        samples = attention_mask.sum(-1).long()
        least = self.feature_extractor.receptive_field
        if bool((samples < least).any()):
            row = int(samples.argmin())
            raise AudioInputError(
                f"Row {row} of the batch has {int(samples[row])} valid samples; one frame needs {least}."
            )
        return samples

    @staticmethod
    def _valid(frames: int, lengths: Tensor) -> Tensor:
        return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]

    def _mask_spans(self, x: Tensor, mask_time_indices: Tensor | None, lengths: list[int]) -> Tensor:
        config = self.config
        if not config.apply_spec_augment:
            return x
        if mask_time_indices is None and config.mask_time_prob > 0 and self.training:
            mask_time_indices = span_mask(
                lengths, x.shape[1], config.mask_time_prob, config.mask_time_length, config.mask_time_min_masks
            )
        if mask_time_indices is not None:
            masked = mask_time_indices.to(x.device).bool()[..., None]
            x = torch.where(masked, self.masked_spec_embed.to(x.dtype), x)
        if config.mask_feature_prob > 0 and self.training:
            sizes = [x.shape[2]] * len(x)
            masked = span_mask(
                sizes, x.shape[2], config.mask_feature_prob, config.mask_feature_length, config.mask_feature_min_masks
            )
            x = x.masked_fill(masked.to(x.device)[:, None], 0.0)
        return x

    def finish(self, x: Tensor) -> Tensor:
        """From the transformer's output to `last_hidden_state`."""
        return x

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        mask_time_indices: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> EncoderOutput | tuple[Any, ...]:
        """Encodes audio.

        Args:
            input_values: `(batch, samples)`, 16 kHz, normalised as the feature extractor does.
            attention_mask: `(batch, samples)`, 1 where the audio is valid, 0 in the padding on the right.
            mask_time_indices: `(batch, frames)`, true where SpecAugment masks; drawn at random in training if None.
            output_attentions: whether to return the attention weights of every layer.
            output_hidden_states: whether to return the output of every layer.
            return_dict: a named output (default) or a tuple.

        Raises:
            AudioInputError: the audio has the wrong rank, is shorter than one frame, or is not finite.
        """
        config = self.config
        features = self.feature_extractor(input_values)
        valid, lengths = None, [features.shape[1]] * len(features)
        if attention_mask is not None:
            frames = self.feature_extractor.output_lengths(self._valid_samples(attention_mask))
            valid = self._valid(features.shape[1], frames)
            lengths = self.span_lengths(frames, features.shape[1])
        x, normalised = self.feature_projection(features)
        x = self._mask_spans(x, mask_time_indices, lengths)
        output = self.encoder(
            x,
            valid,
            config.output_attentions if output_attentions is None else output_attentions,
            config.output_hidden_states if output_hidden_states is None else output_hidden_states,
        )
        output.last_hidden_state = self.finish(output.last_hidden_state)
        output = self.complete(output, normalised)
        as_dict = config.use_return_dict if return_dict is None else return_dict
        return output if as_dict else output.to_tuple()

    def span_lengths(self, frames: Tensor, most: int) -> list[int]:
        """Within how many frames of each row SpecAugment draws its spans."""
        return [int(length) for length in frames]

    def complete(self, output: EncoderOutput, features: Tensor) -> EncoderOutput:
        """The output with what only one of the architectures returns."""
        return output
