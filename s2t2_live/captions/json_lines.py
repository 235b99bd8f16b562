"""Every event as one JSON object a line. Knows no file."""

from __future__ import annotations

import json
from typing import Any, TextIO

from s2t2_live.live.events import Event, to_dict

DECIMALS = 6
"""Of the seconds; finer than one sample."""


class JsonLinesWriter:
    """A sink that writes each event as it comes and flushes it; nothing is left out."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def handle(self, event: Event) -> None:
        self._out.write(json.dumps(_rounded(to_dict(event)), ensure_ascii=False) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing is held back; the stream stays open."""


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value
