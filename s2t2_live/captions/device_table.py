"""The inputs of this computer on standard output. Knows no sound system."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict

from s2t2_live.audio.input_device import InputDevice

KINDS = {"microphone": "microphone", "system": "what the computer plays"}


def print_devices(inputs: Sequence[InputDevice], *, json: bool) -> None:
    """One line each: a table for people, or JSON objects."""
    if json:
        for device in inputs:
            print(json_format.dumps(asdict(device), ensure_ascii=False))
        return
    heads = ("", "NAME", "KIND", "CHANNELS", "RATE", "ID")
    rows = [
        ("*" if device.default else "", device.name, KINDS[device.kind], str(device.channels),
         f"{device.sample_rate} Hz", device.id)
        for device in inputs
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("* the default of its kind; -i takes a name, a part of it, or an id")
