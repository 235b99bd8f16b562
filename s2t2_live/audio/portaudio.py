"""PortAudio: its list of inputs, streams of blocks from one of them, and one to the output. Knows no source.

The library has one state for the whole process, and its list of devices is that of the moment when it was initialised.
A new list takes a new initialisation, which ends every stream, so it must wait while one is open.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.input_device import InputDevice, Kind
from s2t2_live.audio.pulse import PREFIX, pulse_inputs
from s2t2_live.errors import DeviceError

BLOCK = 0.02
"""Seconds of audio in a block."""
LATENCY = 0.2
"""Seconds of audio that the system keeps when this process is late."""
ANSWER_TIMEOUT = 5.0
"""Seconds to wait for another thread that is inside PortAudio."""
LOOPBACKS = (
    "blackhole", "loopback audio", "soundflower", "cable output", "voicemeeter out", "stereo mix", "stereomix",
    "what u hear", "wave out mix",
)  # fmt: skip
"""Parts of the names of devices that give what the computer plays, on Windows and macOS."""
PREFERRED = "Windows WASAPI"
"""Windows lists each device once for each of four interfaces; this one has whole names and the device's own rate."""

_busy = threading.Lock()
_streams: set[Any] = set()

OnBlock = Callable[[NDArray[Any], float, bool], None]
"""Called with a block of shape (n, channels) that is valid during the call, its time in seconds on PortAudio's clock
or 0, and whether audio was lost before it."""


class Stream(Protocol):
    """An open stream."""

    def close(self) -> None:
        """End it; may hang when the sound system does."""
        ...


def list_portaudio() -> list[InputDevice]:
    """The inputs there are now, those of a sound server in place of the one that stands for all of them.

    While a stream is open, PortAudio's own part of the list is that of when it was opened. Raises DeviceError.
    """
    server = pulse_inputs()
    with _library() as library:
        _begin_anew(library)
        own = [_input(library, info) for info in _inputs(library)]
    if server is not None and any(device.id == "alsa:pulse" for device in own):
        return server
    return own


def open_stream(device: InputDevice, on_block: OnBlock, on_end: Callable[[], None]) -> Stream:
    """Begin to deliver the device's audio at its own rate.

    `on_block` and `on_end` are called from a thread of PortAudio. Raises DeviceError.
    """
    with _library() as library:
        _begin_anew(library)
        index = _index(library, device)
        try:
            with _pulse_source(device):
                stream = library.InputStream(
                    device=index,
                    samplerate=device.sample_rate,
                    channels=min(2, device.channels),
                    dtype="float32",
                    blocksize=round(BLOCK * device.sample_rate),
                    latency=LATENCY,
                    callback=lambda block, frames, time, status: on_block(
                        block, time.inputBufferAdcTime, bool(status.input_overflow)
                    ),
                    finished_callback=on_end,
                )
            opened = _Stream(stream)
            opened.start()
        except library.PortAudioError as error:
            raise DeviceError(
                f"{device.name} cannot be opened ({_cause(error)}); check that it is connected and that no other "
                "program has it for itself."
            ) from error
    return opened


def open_output(rate: int, fill: Callable[[NDArray[np.float32]], None]) -> Stream:
    """Begin to play mono audio at this rate on the output that the system chooses.

    `fill` is called from a thread of PortAudio with a block of shape (n,) to write into. Raises DeviceError.
    """
    with _library() as library:
        _begin_anew(library)
        try:
            opened = _Stream(
                library.OutputStream(
                    samplerate=rate,
                    channels=1,
                    dtype="float32",
                    latency="high",
                    callback=lambda block, frames, time, status: fill(block[:, 0]),
                )
            )
            opened.start()
        except library.PortAudioError as error:
            raise DeviceError(
                f"The recording is played without sound: no loudspeaker can be opened ({_cause(error)}); connect one, "
                "or check the sound settings of the system."
            ) from error
    return opened


def leave_open() -> None:
    """Do not close at the exit of the process what could not be closed before: it would hang."""
    if (library := sys.modules.get("sounddevice")) is not None:
        atexit.unregister(library._exit_handler)


class _Stream:
    """A stream of sounddevice; open, to this module, until it has been closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        _streams.add(self)

    def start(self) -> None:
        try:
            self._stream.start()
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        try:
            # A stop would wait for the audio of a device that may not give any more.
            self._stream.abort()
            self._stream.close()
        finally:
            _streams.discard(self)


@contextmanager
def _library() -> Iterator[Any]:
    """sounddevice, for one thread at a time."""
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "PortAudio, which listens to microphones, is not installed; on Debian and Ubuntu: "
            "sudo apt install libportaudio2."
        ) from error
    except Exception as error:
        raise _unusable(error) from error
    if not _busy.acquire(timeout=ANSWER_TIMEOUT):
        raise DeviceError("The sound system does not answer; restart the sound server, or the computer.")
    try:
        yield sounddevice
    finally:
        _busy.release()


def _begin_anew(library: Any) -> None:
    """Let PortAudio look at the devices again, where none is open."""
    if _streams:
        return
    try:
        with suppress(library.PortAudioError):  # It is not initialised if that has failed before.
            library._terminate()
        library._initialize()
    except library.PortAudioError as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> DeviceError:
    return DeviceError(
        f"The sound system cannot be used ({_cause(error)}); check its configuration, such as ~/.asoundrc."
    )


def _inputs(library: Any) -> list[dict[str, Any]]:
    inputs = [info for info in library.query_devices() if info["max_input_channels"] > 0]
    preferred = [info for info in inputs if _interface(library, info) == PREFERRED]
    return preferred or inputs


def _input(library: Any, info: dict[str, Any]) -> InputDevice:
    default = library.query_hostapis(info["hostapi"])["default_input_device"]
    kind: Kind = "system" if any(part in info["name"].lower() for part in LOOPBACKS) else "microphone"
    return InputDevice(
        id=_id(library, info),
        name=info["name"],
        kind=kind,
        channels=info["max_input_channels"],
        sample_rate=round(info["default_samplerate"]),
        default=info["index"] == default,
    )


def _id(library: Any, info: dict[str, Any]) -> str:
    return f"{_interface(library, info).lower()}:{info['name']}"


def _interface(library: Any, info: dict[str, Any]) -> str:
    return str(library.query_hostapis(info["hostapi"])["name"])


def _index(library: Any, device: InputDevice) -> int:
    """PortAudio's number for the device, which is another one whenever something is plugged in or out."""
    wanted = "alsa:pulse" if device.id.startswith(PREFIX) else device.id
    for info in _inputs(library):
        if _id(library, info) == wanted:
            return int(info["index"])
    raise DeviceError(f"{device.name} is not there any more; connect it, or choose another input.")


@contextmanager
def _pulse_source(device: InputDevice) -> Iterator[None]:
    """While this holds, the device `pulse` of ALSA is this source of the server."""
    if not device.id.startswith(PREFIX):
        yield
        return
    before = os.environ.get("PULSE_SOURCE")
    os.environ["PULSE_SOURCE"] = device.id.removeprefix(PREFIX)
    try:
        yield
    finally:
        with suppress(KeyError):
            del os.environ["PULSE_SOURCE"]
        if before is not None:
            os.environ["PULSE_SOURCE"] = before


def _cause(error: Exception) -> str:
    if not error.args:
        return "no reason given"
    return str(error.args[0]).removeprefix("Error opening InputStream: ").removeprefix("Error opening OutputStream: ")
