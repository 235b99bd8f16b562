"""What a policy sees of a model: hypotheses in token ids, and the few things it must know of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of one stretch of audio."""

    tokens: tuple[int, ...]
    """Token ids from the first of the sentence, a forced prefix included, without start and end of sentence."""
    complete: bool
    """Whether the model ended the sentence by itself; False when the decoding was capped."""
    log_probability: float | None = None
    """Mean over the tokens, end of sentence included; None where there is nothing to score."""


class TranslationModel(Protocol):
    """Audio in, token ids out, for one segment at a time. Not thread-safe: one thread owns it."""

    name: str
    device: str
    precision: str

    def translate(
        self, samples: NDArray[np.float32], prefix: Sequence[int], *, beam_size: int, max_tokens: int
    ) -> Hypothesis:
        """Translate mono audio of shape (n,) at `SAMPLE_RATE`, beginning with the tokens of `prefix`.

        `max_tokens` counts the prefix. Audio too short for the encoder gives the prefix alone.
        """
        ...

    def text(self, tokens: Sequence[int]) -> str:
        """The tokens as a reader sees them."""
        ...

    def ends_word(self, token: int) -> bool:
        """Whether no other token can continue this word."""
        ...

    def is_word(self, token: int) -> bool:
        """Whether the token has a letter or a digit and no punctuation that ends a sentence."""
        ...
