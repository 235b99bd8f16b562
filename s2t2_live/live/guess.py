"""What one look at unfinished speech gives: a hypothesis, and how much of it deserves trust. Knows no policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.live.guards import collapse_repeats, token_budget
from s2t2_live.live.hypothesis import Hypothesis, TranslationModel


@dataclass(frozen=True, slots=True)
class Guess:
    """A hypothesis without its loops."""

    tokens: tuple[int, ...]
    """Token ids from the first of the sentence; begins with the committed ones."""
    sure: int
    """How many of the tokens come before the first one that is too uncertain; at least the committed ones."""
    attended: tuple[float, ...]
    """See `Hypothesis`."""


def guess(
    model: TranslationModel, samples: NDArray[np.float32], committed: Sequence[int], *, beam_size: int, certainty: float
) -> Guess:
    """Translate the audio so far, shape (n,), beginning with what is committed.

    A token is too uncertain when its probability is less than `certainty`, 0 to 1.
    """
    known = len(committed)
    budget = token_budget(len(samples) / SAMPLE_RATE)
    found = model.translate(samples, committed, beam_size=beam_size, max_tokens=budget)
    tokens = collapse_repeats(found.tokens, keep=known)
    sure = sure_tokens(found, known, certainty)
    # Behind a loop that was collapsed, tokens and probabilities do not belong together any more.
    return Guess(tokens, max(known, min(sure, common(found.tokens, tokens))), found.attended)


def ends_sentence(model: TranslationModel, found: Hypothesis, known: int) -> bool:
    """Whether the model has ended the sentence behind the first `known` tokens, with a full stop or the like.

    A model that was trained on the beginnings of sentences ends those without.
    """
    return found.complete and len(found.tokens) > known and not model.is_word(found.tokens[-1])


def sure_tokens(found: Hypothesis, known: int, certainty: float) -> int:
    """How many tokens come before the first one, behind the `known`, of less than this probability, 0 to 1."""
    least = math.log(certainty) if certainty > 0 else -math.inf
    scores = found.log_probabilities[: len(found.tokens)]
    return next((i for i in range(known, len(scores)) if scores[i] < least), len(found.tokens))


def whole_words(model: TranslationModel, tokens: Sequence[int], known: int) -> tuple[int, ...]:
    """The tokens without a last word that is not finished; the first `known` stay."""
    end = len(tokens)
    while end > known and not model.ends_word(tokens[end - 1]):
        end -= 1
    return tuple(tokens[:end])


def committable(model: TranslationModel, tokens: Sequence[int], known: int) -> int:
    """How many of the tokens can be shown for good: up to the last finished word, no punctuation after it."""
    end = len(tokens)
    while end > known and not (model.ends_word(tokens[end - 1]) and model.is_word(tokens[end - 1])):
        end -= 1
    return max(end, known)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
