"""Standard output of another encoding than the text's."""

from __future__ import annotations

import io
import sys

import pytest

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.captions.device_table import print_devices
from s2t2_live.standard_streams import prepare_output


@pytest.mark.parametrize(("json", "name"), [(False, b"???"), (True, "Микрофон".encode())])
def test_devices_on_a_terminal_that_lacks_their_letters(
    monkeypatch: pytest.MonkeyPatch, json: bool, name: bytes
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="iso-8859-1"))
    prepare_output(json=json)
    print_devices([InputDevice("id", "Микрофон", "microphone", 1, 16_000, default=True)], json=json)
    sys.stdout.flush()
    assert name in written.getvalue()
