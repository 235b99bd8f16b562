"""Keys and values that the decoder keeps between calls. Knows nothing of tokens or scores."""

from __future__ import annotations

import torch
from torch import Tensor

from s2t2_live.speech2text2.outputs import LayerCache

KeysValues = tuple[Tensor, Tensor]


class GrowingState:
    """What one decoder layer keeps, in the tuple form of `past_key_values`: keys and values of its own past, which grow
    by concatenation, and, if any, those of the encoder's frames.
    """

    def __init__(self, past: LayerCache | None) -> None:
        self._past: KeysValues | None = None if past is None else (past[0], past[1])
        self.cross: KeysValues | None = None if past is None or len(past) < 4 else (past[2], past[3])

    def extend(self, keys: Tensor, values: Tensor) -> KeysValues:
        """Adds new keys and values `(batch, heads, length, head size)`; returns all, old ones first."""
        if self._past is not None:
            keys, values = torch.cat([self._past[0], keys], dim=2), torch.cat([self._past[1], values], dim=2)
        self._past = (keys, values)
        return self._past

    def as_tuple(self) -> LayerCache:
        return (*(self._past or ()), *(self.cross or ()))


class Slots:
    """Keys and values of one decoder layer's past that are written in place and never move.

    In a beam search the hypotheses of an utterance lie side by side in the length axis; which slots belong to which
    hypothesis is the caller's mask.
    """

    def __init__(self) -> None:
        self._slots: Tensor | None = None
        self._used = 0

    def extend(self, new: Tensor) -> Tensor:
        """Adds new keys and values `(2, heads * batch, length, head size)`; returns all, old ones first."""
        start, self._used = self._used, self._used + new.shape[2]
        if self._slots is None or self._used > self._slots.shape[2]:
            larger = new.new_empty(2, new.shape[1], max(64, 2 * self._used), new.shape[3])
            if self._slots is not None:
                larger[:, :, :start] = self._slots[:, :, :start]
            self._slots = larger
        self._slots[:, :, start : self._used] = new
        return self._slots[:, :, : self._used]
