"""Which optimiser moves which of a model's parameters. Knows no loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training.muon import Muon


def optimizers(
    learned: Sequence[nn.Parameter], hidden: Sequence[nn.Parameter], rate: float, weight_decay: float, *, half: bool
) -> list[torch.optim.Optimizer]:
    """AdamW for what is learned, but Muon for the `hidden` of it, if any; vectors do not decay.

    `half` lets Muon multiply in bfloat16.
    """
    matrices = {id(matrix) for matrix in hidden}
    decayed = [p for p in learned if p.ndim > 1 and id(p) not in matrices]
    plain = [p for p in learned if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)]
    if hidden:
        found.append(Muon(hidden, lr=rate, weight_decay=weight_decay, half=half))
    return found


def hidden_matrices(model: SpeechEncoderDecoderModel) -> list[nn.Parameter]:
    """The learned matrices of the layers: not the embeddings, whose rows have little to do with each other."""
    layers = (*model.encoder.modules(), *model.decoder.get_decoder().modules())
    matrices = [module.weight for module in layers if isinstance(module, nn.Linear | nn.Conv1d)]
    return [matrix for matrix in matrices if isinstance(matrix, nn.Parameter) and matrix.requires_grad]
