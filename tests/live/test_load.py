"""The load ladder climbs at once and comes down when it lasts."""

import pytest

from s2t2_live.errors import SettingsError
from s2t2_live.live.load import Level, LoadLadder, LoadSettings


def test_it_climbs_as_far_as_the_backlog_demands() -> None:
    ladder = LoadLadder(LoadSettings(coalesce=2, finals_only=4, greedy=8))
    assert not ladder.update(2.0, now=1.0)
    assert ladder.update(2.1, now=2.0)
    assert ladder.level is Level.COALESCE
    assert ladder.update(9.0, now=3.0)
    assert ladder.level is Level.GREEDY
    assert not ladder.update(29.0, now=4.0)
    assert ladder.update(100.0, now=5.0)
    assert ladder.level is Level.SPOOL
    assert not ladder.update(1_000.0, now=6.0)


def test_it_comes_down_rung_by_rung_when_the_backlog_stays_low() -> None:
    ladder = LoadLadder(LoadSettings(coalesce=2, finals_only=4, greedy=8, hold=3))
    ladder.update(9.0, now=0.0)
    assert not ladder.update(0.0, now=10.0), "the time begins with the first low backlog"
    assert not ladder.update(0.0, now=12.9)
    assert ladder.update(0.0, now=13.0)
    assert ladder.level is Level.FINALS_ONLY
    assert not ladder.update(0.0, now=13.1)
    assert ladder.update(0.0, now=16.2)
    assert ladder.update(0.0, now=20.0) is False
    assert ladder.update(0.0, now=23.0)
    assert ladder.level is Level.NORMAL


def test_it_does_not_swing_between_two_rungs() -> None:
    """A backlog that goes up and down between the threshold and its half changes nothing."""
    ladder = LoadLadder(LoadSettings(coalesce=2, finals_only=4, greedy=8, hold=1))
    ladder.update(2.5, now=0.0)
    assert not any(ladder.update(1.1 + 0.8 * (second % 2), now=second) for second in range(1, 50))
    assert not any(ladder.update(0.0 if second % 2 else 1.5, now=50 + second / 2) for second in range(50))


def test_labels() -> None:
    assert [level.label for level in Level] == ["normal", "coalesce", "finals-only", "greedy", "spool"]


@pytest.mark.parametrize("values", [{"coalesce": 5.0}, {"greedy": 40.0}, {"spool_limit": -1.0}])
def test_settings_that_do_not_fit_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=r"rise|at least 0"):
        LoadSettings(**values)
