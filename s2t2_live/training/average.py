"""The weighted mean of two checkpoints of one training: often better than either ("model soups", arXiv 2203.05482).

Knows no data: which share is best, `evaluate` says, on speech that no score is reported of.
"""

from __future__ import annotations

from pathlib import Path

import torch

from s2t2_live.errors import ModelError, UsageError
from s2t2_live.training.checkpoint import load_checkpoint


def average(first: str, second: str, share: float, folder: Path) -> None:
    """Write to `folder` `share` of the weights of `second` and the rest of `first`; all else is that of `second`.

    Raises UsageError for a share that is not between 0 and 1, and ModelError when the two do not have the same tensors
    or pieces of text.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"The share {share:g} is not between 0 and 1.")
    one, other = load_checkpoint(first), load_checkpoint(second)
    old, new = one.model.state_dict(), other.model.state_dict()
    if {name: tensor.shape for name, tensor in old.items()} != {name: tensor.shape for name, tensor in new.items()}:
        raise ModelError(f"{first} and {second} are not of one training: their tensors differ.")
    if one.processor.tokenizer.get_vocab() != other.processor.tokenizer.get_vocab():
        raise ModelError(f"{first} and {second} are not of one training: their vocabularies differ.")
    with torch.no_grad():
        # Not over the state: it has tied weights twice.
        for name, tensor in (*other.model.named_parameters(), *other.model.named_buffers()):
            if tensor.is_floating_point() and name in old:
                tensor.lerp_(old[name], 1 - share)
    other.save(folder)
