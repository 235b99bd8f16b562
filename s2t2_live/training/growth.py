"""Beginning a run with the weights of a checkpoint: in a deeper model, with a CTC head for its encoder.

A deeper model is the shallower one at first: its new layers add nothing to what they are given, as in Net2Net's deeper
nets (Chen et al. 2016, arXiv 1511.05641). Knows no file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from s2t2_live.errors import ModelError
from s2t2_live.speech2text2.config import SpeechEncoderDecoderConfig
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training.batches import training_batches
from s2t2_live.training.loop import Trainer
from s2t2_live.training.speech import Speech

HEAD_UPDATES = 260
HEAD_RATE = 1e-2

_RESIDUAL = ("out_proj", "output_dense", "fc2")
"""What a layer adds goes through these."""


def deepened(source: SpeechEncoderDecoderModel, config: SpeechEncoderDecoderConfig) -> SpeechEncoderDecoderModel:
    """A model of `config` with the weights of `source`, which has as many layers or fewer.

    New layers stand behind old ones, evenly spread; each is a copy of the one before it that adds nothing. An encoder
    that normalises inputs of its layers computes the same as before; a decoder, which normalises their outputs, nearly.

    Raises ModelError when more than the numbers of layers differs, or layers would have to go.
    """
    model = SpeechEncoderDecoderModel(config)
    origins = {
        "encoder": list(_spread(source.config.encoder.num_hidden_layers, config.encoder.num_hidden_layers)),
        "decoder": list(_spread(source.config.decoder.decoder_layers, config.decoder.decoder_layers)),
    }
    known, grown = source.state_dict(), model.state_dict()
    for name, weight in grown.items():
        parts = name.split(".")
        is_new = False
        if "layers" in parts:
            place = parts.index("layers") + 1
            if parts[place].isdecimal():
                origin, is_new = origins[parts[0]][int(parts[place])]
                parts[place] = str(origin)
        old = known.get(".".join(parts))
        if old is None or old.shape != weight.shape:
            raise ModelError(f"The checkpoint cannot grow into the recipe's model: {name} has no like in it.")
        weight.copy_(_idle(parts, old, known) if is_new else old)
    model.load_state_dict(grown)
    return model


def _spread(old: int, new: int) -> Iterator[tuple[int, bool]]:
    """For each layer of the deeper model the layer it comes from, and whether it is new."""
    if new < old:
        raise ModelError(f"A checkpoint with {old} layers cannot become a model of {new}.")
    done = 0
    for layer in range(old):
        yield layer, False
        wanted = (2 * (layer + 1) * (new - old) + old - 1) // (2 * old)
        yield from [(layer, True)] * (wanted - done)
        done = wanted


def _idle(parts: list[str], old: Tensor, known: dict[str, Tensor]) -> Tensor:
    """A tensor of a new layer, made from the one of the layer before it, so that the layer adds nothing."""
    if any(part in _RESIDUAL for part in parts):
        return torch.zeros_like(old)
    if parts[0] == "decoder" and parts[-2].endswith("layer_norm"):
        # What it is given has this size already; normalised again, it keeps it.
        last = ".".join([*parts[:-2], "final_layer_norm"])
        size = (known[f"{last}.weight"].square().mean() + known[f"{last}.bias"].square().mean()).sqrt()
        return size.expand_as(old) if parts[-1] == "weight" else torch.zeros_like(old)
    return old


def fit_head(trainer: Trainer, speech: Speech, *, updates: int = HEAD_UPDATES, progress: bool = True) -> None:
    """Train the CTC head alone, on clean speech: what a new head asks for would spoil an encoder that is good."""
    optimizer = torch.optim.AdamW(trainer.ctc.parameters(), lr=HEAD_RATE)
    batches = training_batches(speech, trainer.text, trainer.settings.batches, seed=trainer.settings.seed, epoch=0)
    trainer.model.eval()
    bar = tqdm(range(updates), unit="update", desc="CTC head", disable=not progress, file=sys.stderr)
    for update, batch in zip(bar, batches, strict=False):
        optimizer.param_groups[0]["lr"] = HEAD_RATE * (1 - update / updates)
        loss = trainer.head_loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
