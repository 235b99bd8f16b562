"""The policy that commits what looks in a row agree on. Knows no thread and no event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.live.guess import committable, common, guess, whole_words
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.policy import Decision, PolicySettings, Reason


class LocalAgreement:
    """Local agreement (Liu et al. 2020, arXiv 2005.11185) with n = 2.

    Every look translates all of the segment's audio, beginning with the committed tokens. What the last two
    hypotheses have in common, or the last few where they are less than `LEAST_ADVANCE` apart, is committed, up to a
    whole word that does not end a sentence. Sentences end only when
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
        self._settings = settings
        self._looks: list[tuple[int, tuple[int, ...]]] = []
        """Samples heard and tokens of the looks that agreement is asked of, the newest last."""

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        model, known, settings = self._model, len(committed), self._settings
        found = guess(model, samples, committed, beam_size=settings.beam_size, certainty=settings.certainty)
        shown = whole_words(model, found.tokens[: found.sure], known)
        first = not self._looks
        latest = len(samples) - round(self.LEAST_ADVANCE * SAMPLE_RATE)
        while len(self._looks) > 1 and self._looks[1][0] <= latest:
            del self._looks[0]
        others = list(self._looks)
        self._looks.append((len(samples), found.tokens))

        reason: Reason
        agreed = known
        if first:
            reason = "first look"
        elif not settled:
            reason = "may be cut off"
        elif others[0][0] > latest:
            reason = "too little new audio"
        else:
            same = found.tokens[: min(common(tokens, found.tokens) for _, tokens in others)]
            agreed = committable(model, same[: len(shown)], known)
            if agreed > known:
                reason = "agreed"
            else:
                reason = "too uncertain" if committable(model, same, known) > known else "no agreement"
        return Decision(found.tokens[known:agreed], shown[agreed:], reason)
