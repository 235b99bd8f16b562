"""Keys and values that the decoder keeps between calls. Knows nothing of tokens or scores."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from s2t2_live.speech2text2.outputs import LayerCache

KeysValues = tuple[Tensor, Tensor]


class LayerState(Protocol):
    """What one decoder layer keeps: keys and values of its own past and, if any, of the encoder's frames."""

    cross: KeysValues | None

    def extend(self, keys: Tensor, values: Tensor) -> KeysValues:
        """Adds new keys and values `(batch, heads, length, head size)`; returns all, old ones first."""


class GrowingState:
    """A state that concatenates, in the tuple form of `past_key_values`."""

    def __init__(self, past: LayerCache | None) -> None:
        self._past: KeysValues | None = None if past is None else (past[0], past[1])
        self.cross: KeysValues | None = None if past is None or len(past) < 4 else (past[2], past[3])

    def extend(self, keys: Tensor, values: Tensor) -> KeysValues:
        if self._past is not None:
            keys, values = torch.cat([self._past[0], keys], dim=2), torch.cat([self._past[1], values], dim=2)
        self._past = (keys, values)
        return self._past

    def as_tuple(self) -> LayerCache:
        return (*(self._past or ()), *(self.cross or ()))


class SlotState:
    """A state whose entries are written in place and never move.

    In a beam search the hypotheses of an utterance lie side by side in the length axis; which slots belong to which
    hypothesis is the caller's mask.
    """

    def __init__(self, cross: KeysValues) -> None:
        self.cross: KeysValues | None = cross
        self._keys = cross[0][:, :, :0]
        self._values = cross[1][:, :, :0]
        self._used = 0

    def extend(self, keys: Tensor, values: Tensor) -> KeysValues:
        start, self._used = self._used, self._used + keys.shape[2]
        if self._used > self._keys.shape[2]:
            self._keys, self._values = self._larger(self._keys, start), self._larger(self._values, start)
        self._keys[:, :, start : self._used] = keys
        self._values[:, :, start : self._used] = values
        return self._keys[:, :, : self._used], self._values[:, :, : self._used]

    def _larger(self, slots: Tensor, used: int) -> Tensor:
        batch, heads, _, size = slots.shape
        larger = slots.new_empty(batch, heads, max(64, 2 * self._used), size)
        larger[:, :, :used] = slots[:, :, :used]
        return larger
