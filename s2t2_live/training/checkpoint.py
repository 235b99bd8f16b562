"""A checkpoint that is loaded to be trained or measured, and written as it was. Knows no data."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import ModelError
from s2t2_live.live.confidence import CONFIDENCE_FILE
from s2t2_live.live.equalizer import SPECTRUM_FILE, Equalizer
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.hub import resolve_model_folder
from s2t2_live.speech2text2.processor import Speech2Text2Processor
from s2t2_live.training.ears import Ears
from s2t2_live.training.inference import Translator
from s2t2_live.training.targets import TextEncoder


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model with what belongs to it."""

    model: SpeechEncoderDecoderModel
    """In float32."""
    processor: Speech2Text2Processor
    text: TextEncoder
    masked: bool
    """Whether the encoder is told where padding begins."""
    ears: Ears
    dtype: torch.dtype
    """Of the weights on disk."""

    @property
    def translator(self) -> Translator:
        return Translator(self.model, self.text, self.masked, self.ears)

    def save(self, folder: Path) -> None:
        """Write it as it was: its type, its tokenizer, the spectrum that it is used to.

        What lies there of other weights, a calibration of the confidence or a spectrum, is removed.
        """
        self.processor.save_pretrained(folder)
        (folder / CONFIDENCE_FILE).unlink(missing_ok=True)
        # The copy is for the type alone: the model goes on learning in float32.
        copy.deepcopy(self.model).cpu().to(self.dtype).save_pretrained(folder)
        if self.ears.equalizer is None:
            (folder / SPECTRUM_FILE).unlink(missing_ok=True)
        else:
            self.ears.equalizer.save(folder)


def load_checkpoint(name: str) -> Checkpoint:
    """Raises ModelError when the audio of the checkpoint is not what the batches are made of."""
    folder = resolve_model_folder(name)
    processor = Speech2Text2Processor.from_pretrained(folder)
    extractor = processor.feature_extractor
    if extractor.sampling_rate != SAMPLE_RATE or not extractor.do_normalize:
        raise ModelError(f"{name} takes no audio of 16 kHz with unit variance; it cannot be trained here.")
    model = SpeechEncoderDecoderModel.from_pretrained(folder, torch_dtype="auto")
    # The files that the authors published have these two in the options of generation alone.
    for token in ("decoder_start_token_id", "pad_token_id"):
        if getattr(model.config, token) is None:
            setattr(model.config, token, getattr(model.generation_config, token))
    dtype = model.dtype
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            # The file is mapped into memory; what is trained must be memory of its own.
            tensor.data = tensor.data.float() if tensor.dtype != torch.float32 else tensor.data.clone()
    text, ears = TextEncoder(processor.tokenizer), Ears(Equalizer.load(folder))
    return Checkpoint(model, processor, text, extractor.return_attention_mask, ears, dtype)
