"""What training sees of speech with translations, wherever it lies. Knows no file and no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from s2t2_live.training.timing import Timing


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance."""

    english: str
    """Empty where it is not known."""
    german: str
    """The target, in whatever language the model writes."""
    topic: str
    voice: str
    start: int
    """First sample in the shard's `.pcm`; 0 for an utterance in a file of its own."""
    length: int
    """Samples at 16 kHz."""


class Speech(Protocol):
    """Utterances with their texts, by index."""

    @property
    def examples(self) -> Sequence[Example]: ...

    @property
    def timings(self) -> Mapping[int, Timing]:
        """When what was said, by the index of the example; of the aligned ones only."""
        ...

    def __len__(self) -> int: ...

    def audio(self, index: int) -> NDArray[np.float32]:
        """The samples of one utterance, shape (n,), float32, full scale ±1, 16 kHz."""
        ...

    def refresh(self) -> int:
        """Take in what has come since; returns the number of new utterances."""
        ...
