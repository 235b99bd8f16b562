"""What a policy sees of a model: hypotheses in token ids, and the few things it must know of the vocabulary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one decoding says about how sure the model was; means are over the tokens and the end of the sentence."""

    mean: float
    """Mean log-probability."""
    least: float
    """Of the least probable token, its log-probability."""
    entropy: float
    """Mean entropy of the predictions, nats."""
    margin: float
    """Mean difference of the log-probabilities of the best and the second-best token."""
    focus: float
    """Mean of the highest attention that a token pays to one frame of the audio, 0 to 1."""
    rate: float
    """Tokens for each second of audio."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of one stretch of audio."""

    tokens: tuple[int, ...]
    """Token ids from the first of the sentence, a forced prefix included, without start and end of sentence."""
    complete: bool
    """Whether the model ended the sentence by itself; False when the decoding was capped."""
    log_probabilities: tuple[float, ...]
    """Of each token given the audio and the tokens before it; of the end of the sentence last, when complete.

    Empty for a model that has none, or where there are no tokens.
    """
    attended: tuple[float, ...] = ()
    """Where in the audio each token was taken from, seconds from its beginning; empty for a model that cannot tell."""

    evidence: Evidence | None = None
    """How sure the model was; None for a model that cannot tell, or where there are no tokens."""
    calibrated: float | None = None
    """How likely the translation is right, 0 to 1, by the checkpoint's own calibration; None without one."""

    @property
    def confidence(self) -> float | None:
        """Calibrated, else the geometric mean of the probabilities, 0 to 1; None where there are none."""
        if self.calibrated is not None:
            return self.calibrated
        if not self.log_probabilities:
            return None
        return min(1.0, math.exp(sum(self.log_probabilities) / len(self.log_probabilities)))


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

    def to_cpu(self) -> None:
        """Go on on the CPU, in fp32, because the GPU has failed."""
        ...
