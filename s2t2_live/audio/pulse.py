"""The sources of a PulseAudio or PipeWire server, which PortAudio cannot list or watch. Knows no stream."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.errors import DeviceError

PREFIX = "pulse:"
"""Of the ids of such devices."""
ANSWER_TIMEOUT = 10.0
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


class SourceWatch:
    """Tells when a source leaves the server.

    The server moves whoever listens to it to another source, without a word: to a microphone that nobody chose. The
    monitor of the output that the system chooses has also left when the system chooses another one.
    """

    def __init__(self, device: InputDevice, gone: Callable[[], None]) -> None:
        """`gone` is called at most once, from a thread."""
        self._name = device.id.removeprefix(PREFIX)
        self._follows = device.kind == "system" and device.default
        self._gone = gone
        self._process = subprocess.Popen(
            ["pactl", "subscribe"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._run, name="source watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Watch no longer; returns at once."""
        self._process.terminate()

    def _run(self) -> None:
        # A server that hangs or is away gives no audio either.
        with self._process as process, suppress(DeviceError):
            sources = _ask("list", "sources")
            if sources is not None and process.stdout is not None and self._leaves(sources, process.stdout):
                self._gone()

    def _leaves(self, sources: list[dict[str, Any]], events: Iterable[str]) -> bool:
        source = next((source for source in sources if source["name"] == self._name), None)
        if source is None:
            return True
        # By its number, because the same name may be back at once.
        removal = f"Event 'remove' on source #{source['index']}"
        # The default may have changed since the device was chosen.
        if self._is_left(source):
            return True
        for event in events:
            if event.strip() == removal:
                return True
            if event.startswith("Event 'change' on server") and self._is_left(source):
                return True
        return False

    def _is_left(self, source: dict[str, Any]) -> bool:
        """Whether the computer plays through another output by now, if that is what is to be heard."""
        server = _ask("info") if self._follows else None
        return server is not None and server["default_sink_name"] != source["monitor_source"]


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


def _environment() -> dict[str, str]:
    """In other languages the JSON of pactl may have decimal commas, and its events other words."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _ask(*words: str) -> Any:
    """The server's answer to pactl, or None where there is neither."""
    try:
        done = subprocess.run(
            ["pactl", "-f", "json", *words],
            env=_environment(),
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
