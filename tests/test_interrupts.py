"""Signals become requests, whatever comes after the first two."""

from __future__ import annotations

import signal

import pytest

from s2t2_live.interrupts import ENDING, Interrupts

pytestmark = pytest.mark.usefixtures("handlers_of_a_terminal")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def interrupts(told: list[str]) -> Interrupts:
    return Interrupts(stop=lambda: told.append("stop"), abort=lambda: told.append("abort"))


def test_the_first_stops_and_the_second_aborts(interrupts: Interrupts, told: list[str]) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert told == ["stop"]
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert told == ["stop", "abort", "abort"]
    signal.raise_signal(signal.SIGINT)
    assert interrupts.count == 3, "nothing tears what comes after an abort"


@pytest.mark.parametrize("number", ENDING)
def test_the_end_of_the_terminal_is_one_interrupt(interrupts: Interrupts, told: list[str], number: int) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        for again in ENDING:
            signal.raise_signal(again)
        assert told == ["stop"]
        signal.raise_signal(signal.SIGINT)
        assert told == ["stop", "abort"]


def test_all_is_as_before_when_nothing_or_one_came(interrupts: Interrupts) -> None:
    with interrupts, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert {signal.getsignal(number) for number in ENDING} == {signal.SIG_DFL}


def test_what_is_ignored_stays_so(interrupts: Interrupts, told: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts:
        signal.raise_signal(signal.SIGINT)
    assert told == []
