"""The presets fit the settings and the engine; the stability chosen decides what is seen."""

from itertools import pairwise
from typing import get_args

import pytest

from s2t2_live.live.events import Partial
from s2t2_live.live.policy import PolicySettings
from s2t2_live.live.presets import PRESETS, STABILITIES, Preset, Stability, preset_name, shown
from s2t2_live.settings import Policy, Settings


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_something_that_can_be_set(preset: Preset) -> None:
    assert preset.policy in get_args(Policy)
    assert PolicySettings(preset.policy, preset.step).step >= 0.1


def test_the_defaults_are_balanced() -> None:
    settings = Settings().translation
    assert preset_name(settings.policy, settings.step, settings.beam_size) == "balanced"


@pytest.mark.parametrize(("name", "preset"), PRESETS.items())
def test_a_preset_is_known_by_its_values(name: str, preset: Preset) -> None:
    assert preset_name(preset.policy, preset.step, preset.beam_size) == name
    assert preset_name(preset.policy, preset.step, preset.beam_size + 1) is None


def test_the_step_counts_where_there_are_looks() -> None:
    assert preset_name("local-agreement", 0.7, 5) is None
    assert preset_name("final-only", 0.7, 5) == "best quality"


def test_each_stability_shows_no_more_than_the_one_before() -> None:
    partial = Partial(0, 0.0, 1.0, "der Zug", "fährt", 0.1)
    seen = [shown(partial, stability) for stability in STABILITIES]
    assert seen == [("der Zug", "fährt"), ("der Zug", ""), ("", "")]
    assert all(more != less for more, less in pairwise(seen))
    assert get_args(Stability) == STABILITIES
