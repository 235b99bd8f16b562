"""When to show which words while a segment is still being spoken. Knows no thread and no event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import SettingsError
from s2t2_live.live.guards import collapse_repeats, token_budget
from s2t2_live.live.hypothesis import Hypothesis, TranslationModel

POLICIES = ("local-agreement", "final-only")
"""Names that `PolicySettings.name` takes; the first is the default."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Raises SettingsError for an unknown name or a step that is not positive."""

    name: str = POLICIES[0]
    step: float = 0.5
    """Seconds of audio between two looks at a segment."""
    beam_size: int = 1
    """Of the looks; the final has its own."""
    certainty: float = 0.5
    """The probability that a token of a look needs to be shown, 0 to 1; 0 shows every guess."""

    def __post_init__(self) -> None:
        if self.name not in POLICIES:
            raise SettingsError(f"There is no policy {self.name!r}; there are: {', '.join(POLICIES)}.")
        if not self.step > 0:
            raise SettingsError(f"The step of the policy is {self.step} s; it must be above 0.")
        if not 0 <= self.certainty <= 1:
            raise SettingsError(f"The certainty of the policy is {self.certainty}; it must be from 0 to 1.")


Reason: TypeAlias = Literal[
    "agreed", "no agreement", "too uncertain", "first look", "too little new audio", "may be cut off"
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy makes of one look at a segment."""

    commit: tuple[int, ...]
    """Token ids to add to the committed ones: whole words, for good."""
    tentative: tuple[int, ...]
    """Token ids that follow, for now."""
    reason: Reason
    """Why so much was committed, or nothing."""


class Policy(Protocol):
    """The policy of one segment; may remember its earlier looks."""

    step: float | None
    """Seconds of audio from one look to the next; None for a policy that never looks."""

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        """Decide on the segment's audio so far, shape (n,), given the token ids that are committed.

        `settled` is False when the end of the audio may yet be cut off and given to the next segment.
        """
        ...


def make_policy(settings: PolicySettings, model: TranslationModel) -> Policy:
    """The policy for one segment."""
    return LocalAgreement(model, settings) if settings.name == "local-agreement" else FinalOnly()


class FinalOnly:
    """Shows nothing until the segment has ended."""

    step: float | None = None

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        raise AssertionError("a policy without steps is never asked")


class LocalAgreement:
    """Commits what two looks in a row agree on (Liu et al. 2020, arXiv 2005.11185, with n = 2).

    Every look translates all of the segment's audio, beginning with the committed tokens. What the last two
    hypotheses have in common, up to a whole word that does not end a sentence, is committed. Sentences end only when
    the segment does: an early full stop is a common guess of a model that hears half a sentence.

    A model that was trained on whole sentences also guesses how half a sentence goes on, and may do so twice in the
    same words. So only what comes before the first token of less than `PolicySettings.certainty` counts, for
    agreement and for showing.
    """

    LEAST_ADVANCE = 0.3
    """Seconds of new audio without which agreement means nothing."""

    def __init__(self, model: TranslationModel, settings: PolicySettings) -> None:
        self.step: float | None = settings.step
        self._model = model
        self._beam_size = settings.beam_size
        self._least = math.log(settings.certainty) if settings.certainty > 0 else -math.inf
        self._previous: tuple[int, ...] | None = None
        self._heard = 0

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        model, known = self._model, len(committed)
        seconds = len(samples) / SAMPLE_RATE
        found = model.translate(samples, committed, beam_size=self._beam_size, max_tokens=token_budget(seconds))
        tokens = collapse_repeats(found.tokens, keep=known)
        # Behind a loop that was collapsed, tokens and probabilities do not belong together any more.
        certain = min(self._certain(found, known), _common(found.tokens, tokens))
        shown = whole_words(model, tokens[: max(certain, known)], known)
        previous, self._previous = self._previous, tokens
        advance, self._heard = len(samples) - self._heard, len(samples)

        reason: Reason
        agreed = known
        if previous is None:
            reason = "first look"
        elif not settled:
            reason = "may be cut off"
        elif advance < self.LEAST_ADVANCE * SAMPLE_RATE:
            reason = "too little new audio"
        else:
            common = tokens[: _common(previous, tokens)]
            agreed = committable(model, common[: len(shown)], known)
            if agreed > known:
                reason = "agreed"
            else:
                reason = "too uncertain" if committable(model, common, known) > known else "no agreement"
        return Decision(tokens[known:agreed], shown[agreed:], reason)

    def _certain(self, found: Hypothesis, known: int) -> int:
        """Length of the tokens before the first one that is too uncertain; the first `known` do not count."""
        scores = found.log_probabilities[: len(found.tokens)]
        return next((i for i in range(known, len(scores)) if scores[i] < self._least), len(found.tokens))


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


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length
