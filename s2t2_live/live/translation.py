"""The model behind the live engine: loads a checkpoint by name and translates one segment. Knows no thread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from s2t2_live.live.hypothesis import Hypothesis


class SpeechTranslationModel:
    """A Speech2Text2 checkpoint as a `TranslationModel`."""

    name: str
    device: str
    precision: str

    @classmethod
    def load(
        cls, name: str, *, device: str, precision: str, threads: int | None, offline: bool
    ) -> SpeechTranslationModel:
        """Load a shipped checkpoint by name, a folder, or a hub id.

        Raises ModelNotFoundError, CheckpointError, or UsageError for a device or precision that is not there.
        """
        raise NotImplementedError

    def translate(
        self, samples: NDArray[np.float32], prefix: Sequence[int], *, beam_size: int, max_tokens: int
    ) -> Hypothesis:
        raise NotImplementedError

    def text(self, tokens: Sequence[int]) -> str:
        raise NotImplementedError

    def ends_word(self, token: int) -> bool:
        raise NotImplementedError

    def is_word(self, token: int) -> bool:
        raise NotImplementedError
