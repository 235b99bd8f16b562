"""Policies by name, and settings that do not fit."""

from typing import Any

import pytest

from s2t2_live.errors import SettingsError
from s2t2_live.live.alignatt import AlignAtt
from s2t2_live.live.local_agreement import LocalAgreement
from s2t2_live.live.policy import POLICIES, FinalOnly, PolicySettings, make_policy


def test_policies_by_name() -> None:
    model: Any = None
    policies = [make_policy(PolicySettings(name=name, step=0.7), model) for name in POLICIES]
    assert [type(policy) for policy in policies] == [LocalAgreement, AlignAtt, FinalOnly]
    assert [policy.step for policy in policies] == [0.7, 0.7, None]


@pytest.mark.parametrize(
    "values",
    [
        {"name": "guess"},
        {"step": 0.0},
        {"step": float("nan")},
        {"certainty": 1.5},
        {"threshold": -1.0},
        {"threshold": float("nan")},
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        PolicySettings(**values)
