"""A batch through a model that is not being trained. Knows no optimiser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import UsageError
from s2t2_live.live.guards import token_budget
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training.batches import Batch
from s2t2_live.training.ears import Ears
from s2t2_live.training.targets import TextEncoder


def usable_device(name: str) -> str:
    """The name itself. Raises UsageError when there is no such device."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"There is no device {name} on this machine or in this build of torch: {reason}.") from error
    return name


def sample_mask(audio: Tensor, batch: Batch, *, masked: bool) -> Tensor | None:
    """1 where the audio is valid, (batch, samples); None for an encoder that was trained without."""
    if not masked:
        return None
    return (torch.arange(audio.shape[1]) < batch.lengths[:, None]).long().to(audio.device)


@dataclass(frozen=True, slots=True)
class Translator:
    """A model and what it needs to translate."""

    model: SpeechEncoderDecoderModel
    text: TextEncoder
    masked: bool
    """Whether the encoder is told where padding begins."""
    ears: Ears

    @torch.no_grad()
    def __call__(self, batch: Batch, *, beams: int) -> list[str]:
        """The model's translation of each utterance."""
        self.model.eval()
        audio = self.ears(batch.audio.to(self.model.device), batch.lengths)
        budget = token_budget(audio.shape[1] / SAMPLE_RATE)
        longest = min(budget, self.model.config.decoder.max_target_positions - 1)
        ids = self.model.generate(
            inputs=audio,
            attention_mask=sample_mask(audio, batch, masked=self.masked),
            num_beams=beams,
            max_new_tokens=longest,
            do_sample=False,
            return_dict_in_generate=False,
        )
        assert isinstance(ids, Tensor)
        return [self.text.decode(row) for row in ids.tolist()]
