"""The sources of a PulseAudio or PipeWire server, which PortAudio cannot list. Knows no stream."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.errors import DeviceError

PREFIX = "pulse:"
"""Of the ids of such devices."""
ANSWER_TIMEOUT = 5.0
"""Seconds within which a server that lives has answered."""


def pulse_inputs() -> list[InputDevice] | None:
    """Every source of the server, the monitors of its outputs among them; None where there is no server to ask.

    Raises DeviceError when there is one that does not answer.
    """
    sources = _ask("list", "sources")
    server = _ask("info")
    if sources is None or server is None:
        return None
    return [_input(source, server) for source in sources]


def _input(source: dict[str, Any], server: dict[str, Any]) -> InputDevice:
    name = str(source["name"])
    monitored = source.get("monitor_source") or None
    channels, rate = re.findall(r"(\d+)ch (\d+)Hz", source["sample_specification"])[0]
    default = name == server.get("default_source_name")
    if monitored is not None:
        default = monitored == server.get("default_sink_name")
    return InputDevice(
        id=PREFIX + name,
        name=str(source.get("description") or name),
        kind="microphone" if monitored is None else "system",
        channels=int(channels),
        sample_rate=int(rate),
        default=default,
    )


def _ask(*words: str) -> Any:
    """The server's answer to pactl, or None where there is neither."""
    try:
        done = subprocess.run(
            ["pactl", "-f", "json", *words],
            env={**os.environ, "LC_ALL": "C.UTF-8"},  # in other languages its JSON may have decimal commas
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(
            f"The sound server does not answer within {ANSWER_TIMEOUT:.0f} s; restart it: "
            "systemctl --user restart pipewire-pulse (or pulseaudio)."
        ) from None
    except OSError:
        return None
    try:
        return json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        return None
