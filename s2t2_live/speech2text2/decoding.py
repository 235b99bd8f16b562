"""Token-by-token running of the decoder for several hypotheses of each utterance. Knows nothing of how they compete.

The hypotheses of an utterance take the place of positions in a sequence: one attention call serves all of them, so the
encoder's keys and values exist once per utterance, and earlier tokens stay where they were written. A mask says which
of them each hypothesis descends from; a reordering of the hypotheses changes the mask alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from s2t2_live.speech2text2.attention import causal_mask, padding_mask
from s2t2_live.speech2text2.cache import Slots
from s2t2_live.speech2text2.decoder import Speech2Text2ForCausalLM
from s2t2_live.speech2text2.inference import Trace

Rearrange = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Wanted:
    """What to keep of each step besides the scores."""

    attentions: bool = False
    cross_attentions: bool = False
    hidden_states: bool = False


@dataclass
class Kept:
    """For every step a tuple over the layers, `(batch * hypotheses, …)` as in `CausalLMOutput`."""

    attentions: list[tuple[Tensor, ...]]
    cross_attentions: list[tuple[Tensor, ...]]
    hidden_states: list[tuple[Tensor, ...]]


class CachedDecoding:
    """A decoder in the middle of a batch of utterances."""

    def __init__(
        self,
        model: Speech2Text2ForCausalLM,
        frames: Tensor,
        frame_mask: Tensor | None,
        hypotheses: int,
        wanted: Wanted,
    ) -> None:
        """`frames` `(batch, frames, size)` are what the decoder attends to; `frame_mask` is true where valid."""
        self.model = model
        self.decoder = model.get_decoder()
        self._heads = model.config.decoder_attention_heads
        self.batch = len(frames)
        self.hypotheses = hypotheses
        self.wanted = wanted
        self.kept = Kept([], [], [])
        self._inference = model.for_inference()
        self._frames = [layer.sources(frames) for layer in self._inference.layers]
        self._slots = [Slots() for _ in self._frames]
        padding = None if frame_mask is None else padding_mask(frame_mask, frames)
        self._frame_mask = None if padding is None else self._for_heads(padding)
        self._length = 0
        self._mask = frames.new_zeros(self.batch, hypotheses, 0)
        smallest = torch.finfo(frames.dtype).min
        # A new token is seen by its own hypothesis alone.
        self._own = frames.new_full((hypotheses, hypotheses), smallest).fill_diagonal_(0.0).expand(self.batch, -1, -1)

    def prompt(self, ids: Tensor) -> Tensor:
        """Runs the common beginning `(batch, length)` of all hypotheses; returns scores of the next token.

        The scores are `(batch * hypotheses, vocabulary)`, the same for the hypotheses of an utterance.
        """
        length = ids.shape[1]
        self._length = length
        self._mask = self._mask.new_zeros(self.batch, self.hypotheses, length)
        positions = self.decoder.embed_positions
        x = self.decoder.embed(ids, positions.position_ids(ids, 0), length + positions.padding_id)
        x, trace = self._run(x, causal_mask(length, length, x)[None] if length > 1 else None)
        self._keep(trace, lambda t: t.repeat_interleave(self.hypotheses, dim=0), lambda t: t)
        logits = self._inference.head(x[:, -1])
        return logits.repeat_interleave(self.hypotheses, dim=0)

    def step(self, tokens: Tensor, origins: Tensor | None = None) -> Tensor:
        """Adds a token to each hypothesis; returns scores of the next, `(batch * hypotheses, vocabulary)`.

        Args:
            tokens: `(batch * hypotheses,)`.
            origins: `(batch * hypotheses,)`, the hypothesis that each continues, counted within its utterance; itself
                if None.
        """
        tokens = tokens.view(self.batch, self.hypotheses)
        mask = self._extend_mask(origins) if self.hypotheses > 1 else None
        positions = self.decoder.embed_positions
        pad = positions.padding_id
        self._length += 1
        position = torch.where(tokens == pad, pad, pad + self._length)
        x = self.decoder.embed(tokens, position, pad + self._length)
        x, trace = self._run(x, mask)
        self._keep(trace, self._by_hypothesis, self._own_past)
        return self._inference.head(x.flatten(0, 1))

    def _run(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Trace]:
        x = F.dropout(x, self.decoder.config.dropout, self.decoder.training)
        return self._inference.run(x, self._slots, self._frames, mask, self._frame_mask)

    def _extend_mask(self, origins: Tensor | None) -> Tensor:
        mask = self._mask
        if origins is not None:
            rows = origins.view(self.batch, self.hypotheses, 1).expand(mask.shape)
            mask = mask.gather(1, rows)
        self._mask = torch.cat([mask, self._own], dim=2)
        return self._for_heads(self._mask[:, None])

    def _for_heads(self, mask: Tensor) -> Tensor:
        """`(batch, 1, length, sources)` to what broadcasts to `(heads * batch, length, sources)`."""
        if self.batch == 1:
            return mask[0]
        return mask.transpose(0, 1).expand(self._heads, -1, -1, -1).flatten(0, 1)

    def _keep(self, trace: Trace, rows: Rearrange, past: Rearrange) -> None:
        if self.wanted.attentions:
            self.kept.attentions.append(tuple(rows(past(self._by_batch(t))) for t in trace.attentions))
        if self.wanted.attentions or self.wanted.cross_attentions:
            self.kept.cross_attentions.append(tuple(rows(self._by_batch(t)) for t in trace.cross_attentions))
        if self.wanted.hidden_states:
            self.kept.hidden_states.append(tuple(rows(t.unflatten(0, (self.batch, -1))) for t in trace.hidden_states))

    def _by_batch(self, weights: Tensor) -> Tensor:
        """`(heads * batch, length, sources)` to `(batch, heads, length, sources)`."""
        return weights.unflatten(0, (self._heads, self.batch)).transpose(0, 1)

    def _by_hypothesis(self, t: Tensor) -> Tensor:
        """`(batch, heads, hypotheses, n)` to `(batch * hypotheses, heads, 1, n)`; alike without heads."""
        if t.dim() == 3:
            return t.flatten(0, 1)[:, None]
        return t.transpose(1, 2).flatten(0, 1)[:, :, None]

    def _own_past(self, weights: Tensor) -> Tensor:
        """Of weights over all slots, those of the slots that each hypothesis descends from."""
        if self.hypotheses == 1:
            return weights
        slots = (self._mask == 0).nonzero()[:, 2].view(self.batch, 1, self.hypotheses, -1)
        return weights.gather(3, slots.expand(-1, weights.shape[1], -1, -1))
