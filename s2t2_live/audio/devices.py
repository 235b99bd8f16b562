"""The inputs of this computer, and the one that the user means. Knows no stream."""

from __future__ import annotations

import re
import sys

from s2t2_live.audio.input_device import InputDevice, Kind
from s2t2_live.errors import DeviceError

__all__ = ["DeviceError", "InputDevice", "Kind", "find_again", "find_input", "list_inputs"]

NO_SYSTEM_AUDIO = {
    "linux": "it takes a PulseAudio or PipeWire server, the commands of pulseaudio-utils and ALSA's plug-in for it; on "
    "Debian and Ubuntu: sudo apt install pulseaudio-utils libasound2-plugins",
    "darwin": "macOS gives it only through a virtual device; install BlackHole, and let the sound settings play to it",
    "win32": 'enable "Stereo Mix" among the recording devices in the sound settings, or install VB-CABLE and let '
    "Windows play to it",
}
"""The way out where what the computer plays cannot be listened to."""


def list_inputs() -> list[InputDevice]:
    """Every input there is at this moment, the default ones first.

    Raises DeviceError, with exit code 3, where PortAudio is missing or the sound system does not answer.
    """
    from s2t2_live.audio.portaudio import list_portaudio

    return sorted(list_portaudio(), key=lambda device: (device.kind, not device.default, device.name.lower()))


def find_input(query: str | None, kind: Kind = "microphone") -> InputDevice:
    """The input that has this id or name, or this as a part of its name; None is the default one of its kind.

    Raises DeviceError where there is none or where several are meant.
    """
    return choose(list_inputs(), query, kind)


def choose(inputs: list[InputDevice], query: str | None, kind: Kind = "microphone") -> InputDevice:
    """`find_input` among these."""
    if query is None:
        of_kind = [device for device in inputs if device.kind == kind]
        if not of_kind:
            raise DeviceError(_none(kind))
        return next((device for device in of_kind if device.default), of_kind[0])
    wanted = query.casefold()
    exact = [device for device in inputs if wanted in (device.id.casefold(), device.name.casefold())]
    found = exact or [device for device in inputs if wanted in device.name.casefold() or wanted in device.id.casefold()]
    if not found:
        there = "; ".join(device.name for device in inputs) or "none"
        raise DeviceError(f'There is no audio input "{query}"; there are: {there}. See s2t2-live --list-devices.')
    if len(found) > 1:
        several = "; ".join(f"{device.name} ({device.id})" for device in found)
        raise DeviceError(f'"{query}" may be any of several audio inputs: {several}. Use the id in the brackets.')
    return found[0]


def find_again(inputs: list[InputDevice], device: InputDevice) -> InputDevice:
    """The same device among these; ALSA's number for it may be another one after it was unplugged.

    The output that the system chose is the one that it chooses now. Raises DeviceError when it is not there.
    """
    chosen = [other for other in inputs if other.kind == device.kind == "system" and other.default and device.default]
    by_id = [other for other in inputs if other.id == device.id]
    by_name = [other for other in inputs if _plain(other.name) == _plain(device.name) and other.kind == device.kind]
    for found in (chosen, by_id, by_name):
        if len(found) == 1:
            return found[0]
    raise DeviceError(f"{device.name} is not there; connect it, or choose another input.")


def _plain(name: str) -> str:
    return re.sub(r" \(hw:\d+,\d+\)$", "", name)


def _none(kind: Kind) -> str:
    if kind == "microphone":
        return (
            "There is no microphone; connect one and allow this program to use it, or listen to what the computer "
            "plays with --system-audio."
        )
    way_out = NO_SYSTEM_AUDIO.get(sys.platform, "there is no known way on this system")
    return f"What the computer plays cannot be listened to: {way_out}."
