"""Nested outputs as flat dictionaries, named as `reference.py` names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor


def flat(prefix: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a nested output, by path."""
    if isinstance(value, Tensor):
        yield prefix, value
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from flat(f"{prefix}.{i}", item)
    elif hasattr(value, "items"):
        for name, item in value.items():
            yield from flat(f"{prefix}.{name}", item)
