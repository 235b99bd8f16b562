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


def export(model: SpeechEncoderDecoderModel, vocabulary: Path, folder: Path, equalizer: Equalizer | None = None) -> int:
    """Write the checkpoint in float16 with the files of `vocabulary`, and what `equalizer` brings speech nearer to.

    Returns its size in bytes.

    A calibration of the confidence that lies there belongs to other weights and is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "confidence.json").unlink(missing_ok=True)
    tokenizer = Speech2Text2Tokenizer(str(vocabulary / "vocab.json"), merges_file=str(vocabulary / "merges.txt"))
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    Speech2Text2Processor(extractor, tokenizer).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(vocabulary / name, folder / name)
    if equalizer is not None:
        equalizer.save(folder)
    model.to(torch.float16).save_pretrained(folder)
    return sum(path.stat().st_size for path in folder.iterdir())
