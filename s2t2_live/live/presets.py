"""What users choose in place of numbers: how soon captions come, and how settled they shall be. Knows no thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from s2t2_live.live.events import Partial
from s2t2_live.settings import Policy, Stability

__all__ = ["PRESETS", "STABILITIES", "Preset", "Stability", "preset_name", "shown"]

STABILITIES: tuple[Stability, ...] = get_args(Stability)


@dataclass(frozen=True, slots=True)
class Preset:
    """A point between soon and right. The names are those of the settings of a translation."""

    policy: Policy
    step: float
    """Seconds of new audio before a caption in the making is translated again."""
    beam_size: int
    """Hypotheses that the final of a segment is chosen from."""


PRESETS = {
    "low latency": Preset("alignatt", step=0.3, beam_size=1),
    "balanced": Preset("local-agreement", step=0.3, beam_size=5),
    "best quality": Preset("final-only", step=0.3, beam_size=5),
}
"""`best quality` translates every segment as a whole: no word is fixed before the end is known. What the others gain
and lose has been measured of their policies, with one beam size for both, and not of the presets."""


def preset_name(policy: str, step: float, beam_size: int) -> str | None:
    """The preset with these values; None where the user has values of their own."""
    return next(
        (
            name
            for name, preset in PRESETS.items()
            # A policy that never looks at unfinished speech has no use for a step.
            if (preset.policy, preset.beam_size) == (policy, beam_size)
            and (policy == "final-only" or preset.step == step)
        ),
        None,
    )


def shown(partial: Partial, stability: Stability) -> tuple[str, str]:
    """What is to be seen of a caption in the making: its committed and its tentative words."""
    if stability == "sentences":
        return "", ""
    return partial.committed, partial.tentative if stability == "everything" else ""
