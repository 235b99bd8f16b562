"""When to show which words while a segment is still being spoken: the interface of the policies, and their settings.

Knows no thread and no event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from s2t2_live.errors import SettingsError
from s2t2_live.live.hypothesis import TranslationModel

POLICIES = ("local-agreement", "alignatt", "final-only")
"""Names that `PolicySettings.name` takes; the first is the default."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """Raises SettingsError for an unknown name or a value out of its range."""

    name: str = POLICIES[0]
    step: float = 0.3
    """Seconds of audio between two looks at a segment."""
    beam_size: int = 1
    """Of the looks; the final has its own."""
    certainty: float = 0.6
    """The probability that a token of a look needs to be shown, 0 to 1; 0 shows every guess."""
    threshold: float = 400.0
    """Milliseconds before the end of the audio from which `alignatt` takes nothing for good."""

    def __post_init__(self) -> None:
        if self.name not in POLICIES:
            raise SettingsError(f"There is no policy {self.name!r}; there are: {', '.join(POLICIES)}.")
        if not self.step > 0:
            raise SettingsError(f"The step of the policy is {self.step} s; it must be above 0.")
        if not 0 <= self.certainty <= 1:
            raise SettingsError(f"The certainty of the policy is {self.certainty}; it must be from 0 to 1.")
        if not 0 <= self.threshold < math.inf:
            raise SettingsError(f"The threshold of the policy is {self.threshold} ms; it must be at least 0.")


Reason: TypeAlias = Literal[
    "agreed",
    "no agreement",
    "first look",
    "too little new audio",
    "heard",
    "not heard yet",
    "too uncertain",
    "may be cut off",
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
    # Here, because both build on this module.
    from s2t2_live.live.alignatt import AlignAtt
    from s2t2_live.live.local_agreement import LocalAgreement

    if settings.name == "local-agreement":
        return LocalAgreement(model, settings)
    return AlignAtt(model, settings) if settings.name == "alignatt" else FinalOnly()


class FinalOnly:
    """Shows nothing until the segment has ended."""

    step: float | None = None

    def look(self, samples: NDArray[np.float32], committed: Sequence[int], *, settled: bool) -> Decision:
        raise AssertionError("a policy without steps is never asked")
