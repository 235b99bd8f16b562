"""From a training state to a folder that ships: half-width safetensors, tokenizer, feature extractor. Knows no data."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from s2t2_live.live.equalizer import Equalizer
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.speech2text2.processor import Speech2Text2Processor
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.checkpoint import Checkpoint
from s2t2_live.training.ears import Ears
from s2t2_live.training.targets import TextEncoder


def export(model: SpeechEncoderDecoderModel, vocabulary: Path, folder: Path, equalizer: Equalizer | None = None) -> int:
    """Write the checkpoint in float16 with the files of `vocabulary`, and what `equalizer` brings speech nearer to.

    Returns its size in bytes.
    """
    tokenizer = Speech2Text2Tokenizer(str(vocabulary / "vocab.json"), merges_file=str(vocabulary / "merges.txt"))
    processor = Speech2Text2Processor(Wav2Vec2FeatureExtractor(return_attention_mask=True), tokenizer)
    Checkpoint(model, processor, TextEncoder(tokenizer), True, Ears(equalizer), torch.float16).save(folder)
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(vocabulary / name, folder / name)
    return sum(path.stat().st_size for path in folder.iterdir())
