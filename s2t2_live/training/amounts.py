"""The numbers that flags of the tools take, as types for argparse. Knows no flag."""

from __future__ import annotations

import argparse
import math


def count(text: str) -> int:
    """Raises ArgumentTypeError for anything but a whole number of at least 1."""
    return _whole(text, 1)


def count_from_zero(text: str) -> int:
    """Raises ArgumentTypeError for anything but a whole number of at least 0."""
    return _whole(text, 0)


def amount(text: str) -> float:
    """Raises ArgumentTypeError for anything but a number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


def amount_from_zero(text: str) -> float:
    """Raises ArgumentTypeError for anything but a number of at least 0."""
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, not {text!r}")
    return number


def share(text: str) -> float:
    """Raises ArgumentTypeError for anything but a number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
    return number


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be at least {least}, a whole number, not {text!r}")
    return int(text)


def _number(text: str) -> float:
    """Not a number at all is no number in any range."""
    try:
        return float(text)
    except ValueError:
        return math.nan
