"""The policy that commits what the model has read off audio well before its end. Knows no thread and no event."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.live.guess import committable, guess, whole_words
from s2t2_live.live.hypothesis import TranslationModel
from s2t2_live.live.policy import Decision, PolicySettings, Reason


class AlignAtt:
    """AlignAtt (Papi et al. 2023, arXiv 2305.11408).

    The decoder's attention to the audio says which moment a token was taken from. Tokens are committed, in whole
    words, up to the first one that was taken from the last `PolicySettings.threshold` milliseconds: more audio could
    change it. Where a sentence ends is left to the segment.

    A model that was trained on whole sentences looks back at what it has heard while it guesses how the sentence goes
    on. So a token of less than `PolicySettings.certainty` is neither committed nor shown, nor is what follows it.
    """

    def __init__(self, model: TranslationModel, settings: PolicySettings) -> None:
        self.step: float | None = settings.step
        self._model = model
        self._settings = settings

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        model, known, settings = self._model, len(committed), self._settings
        found = guess(model, samples, committed, beam_size=settings.beam_size, certainty=settings.certainty)
        shown = whole_words(model, found.tokens[: found.sure], known)
        latest = len(samples) / SAMPLE_RATE - settings.threshold / 1_000
        # A model that cannot tell where it looks has heard nothing for sure.
        attended = found.attended or (math.inf,) * len(shown)
        heard = next((i for i in range(known, len(shown)) if attended[i] > latest), len(shown))
        ready = committable(model, shown[:heard], known) if settled else known

        reason: Reason
        if ready > known:
            reason = "heard"
        elif not settled:
            reason = "may be cut off"
        else:
            reason = "too uncertain" if heard == len(shown) < len(found.tokens) else "not heard yet"
        return Decision(shown[known:ready], shown[ready:], reason)
