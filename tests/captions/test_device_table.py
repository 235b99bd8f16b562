"""The list of inputs as people and programs read it."""

from __future__ import annotations

import json

import pytest

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.captions.device_table import print_devices

INPUTS = [
    InputDevice("pulse:usb", "USB microphone", "microphone", 1, 16_000, default=True),
    InputDevice("pulse:pci.monitor", "Monitor", "system", 2, 44_100, default=False),
]


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_devices(INPUTS, json=False)
    assert capsys.readouterr().out.splitlines() == [
        "   NAME            KIND                     CHANNELS  RATE      ID",
        "*  USB microphone  microphone               1         16000 Hz  pulse:usb",
        "   Monitor         what the computer plays  2         44100 Hz  pulse:pci.monitor",
        "* the default of its kind; -i takes a name, a part of it, or an id",
    ]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_devices(INPUTS, json=True)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "id": "pulse:usb",
        "name": "USB microphone",
        "kind": "microphone",
        "channels": 1,
        "sample_rate": 16_000,
        "default": True,
    }
    assert second["kind"] == "system"
