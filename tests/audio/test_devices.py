"""Which inputs there are, and which one is meant; the sound systems are played by scripts and a fake PortAudio."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s2t2_live.audio import devices, portaudio, pulse
from s2t2_live.audio.devices import DeviceError, InputDevice, choose, find_again, find_input, list_inputs
from s2t2_live.audio.pulse import pulse_inputs

BUILT_IN = InputDevice("pulse:alsa.pci", "Built-in microphone", "microphone", 2, 48_000, default=False)
USB = InputDevice("pulse:alsa.usb", "USB microphone", "microphone", 1, 16_000, default=True)
MONITOR = InputDevice("pulse:alsa.pci.monitor", "Monitor of Built-in", "system", 2, 44_100, default=True)
INPUTS = [BUILT_IN, USB, MONITOR]


@pytest.mark.parametrize(
    ("query", "device"),
    [
        (None, USB),
        ("USB microphone", USB),
        ("usb", USB),
        ("pulse:alsa.pci", BUILT_IN),
        ("alsa.usb", USB),
        ("monitor", MONITOR),
    ],
)
def test_an_input_by_name_part_or_id(query: str | None, device: InputDevice) -> None:
    assert choose(INPUTS, query) is device


def test_system_audio() -> None:
    assert choose(INPUTS, None, "system") is MONITOR


def test_the_first_one_where_none_is_the_default() -> None:
    assert choose([BUILT_IN, MONITOR], None) is BUILT_IN


@pytest.mark.parametrize(
    ("inputs", "query", "kind", "sentence"),
    [
        (INPUTS, "headset", "microphone", 'no audio input "headset"; there are: Built-in microphone; USB microphone;'),
        (
            INPUTS,
            "microphone",
            "microphone",
            "any of several audio inputs: Built-in microphone (pulse:alsa.pci)",
        ),
        ([MONITOR], None, "microphone", "There is no microphone; connect one"),
        ([USB], None, "system", "What the computer plays cannot be listened to: "),
        ([], "usb", "microphone", "there are: none"),
    ],
)
def test_what_is_not_there(inputs: list[InputDevice], query: str | None, kind: Any, sentence: str) -> None:
    with pytest.raises(DeviceError) as caught:
        choose(inputs, query, kind)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_every_system_has_its_way_out(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(DeviceError) as caught:
        choose([USB], None, "system")
    assert devices.NO_SYSTEM_AUDIO[platform] in str(caught.value)


def test_a_device_is_found_again_and_no_other() -> None:
    assert find_again(INPUTS, replace(USB, sample_rate=8_000)) is USB
    like = replace(BUILT_IN, id="pulse:alsa", name="Built-in")
    with pytest.raises(DeviceError, match="Built-in is not there"):
        find_again(INPUTS, like)
    replugged = replace(USB, id="alsa:USB (hw:2,0)", name="USB (hw:2,0)")
    before = replace(USB, id="alsa:USB (hw:1,0)", name="USB (hw:1,0)")
    assert find_again([BUILT_IN, replugged], before) is replugged
    with pytest.raises(DeviceError):
        find_again([replugged, replace(replugged, id="alsa:USB (hw:3,0)", name="USB (hw:3,0)")], before)


def test_what_the_computer_plays_moves_with_the_output_that_it_chooses() -> None:
    before = replace(MONITOR, default=False)
    headset = InputDevice("pulse:usb.monitor", "Monitor of Headset", "system", 2, 48_000, default=True)
    assert find_again([USB, before, headset], MONITOR) is headset
    assert find_again([USB, before, headset], before) is before, "one that was named stays"
    assert find_again([replace(USB, default=False), BUILT_IN], USB).id == USB.id, "as does a microphone"


SOURCES = [
    {
        "index": 7,
        "name": "alsa_output.pci.monitor",
        "description": "Monitor of Built-in",
        "sample_specification": "s16le 2ch 44100Hz",
        "monitor_source": "alsa_output.pci",
    },
    {
        "index": 4,
        "name": "alsa_input.usb",
        "description": "USB microphone",
        "sample_specification": "float32le 1ch 48000Hz",
        "monitor_source": "",
    },
]
OUTPUT = InputDevice("pulse:alsa_output.pci.monitor", "Monitor of Built-in", "system", 2, 44_100, default=True)
USB_SOURCE = InputDevice("pulse:alsa_input.usb", "USB microphone", "microphone", 1, 48_000, default=True)
SERVER = {"default_source_name": "alsa_input.usb", "default_sink_name": "alsa_output.pci"}


def server(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A pactl of our own."""
    program = folder / "pactl"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def answering(folder: Path, monkeypatch: pytest.MonkeyPatch, server_info: dict[str, str] = SERVER) -> None:
    for word, answer in (("sources", SOURCES), ("info", server_info)):
        (folder / word).write_text(json.dumps(answer), encoding="utf-8")
    server(folder, monkeypatch, f'[ "$LC_ALL" = C.UTF-8 ] && for word; do :; done && cat "{folder}/$word"')


def test_a_servers_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(tmp_path, monkeypatch)
    assert pulse_inputs() == [OUTPUT, USB_SOURCE]


@pytest.mark.parametrize("script", ["exit 1", "echo not JSON"])
def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    server(tmp_path, monkeypatch, script)
    assert pulse_inputs() is None


def test_no_pactl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pulse_inputs() is None


def test_a_server_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "ANSWER_TIMEOUT", 0.2)
    server(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(DeviceError, match="does not answer"):
        pulse_inputs()


@pytest.mark.parametrize(
    ("device", "events", "gone"),
    [
        (USB_SOURCE, ["'new' on source #9", "'remove' on source-output #4", "'remove' on source #7"], False),
        (USB_SOURCE, ["'change' on source #4", "'change' on server #1"], False),
        (USB_SOURCE, ["'change' on source #4", "'remove' on source #4", "'new' on source #8"], True),
        (OUTPUT, [], True),  # the computer plays through another one already
        (replace(OUTPUT, default=False), ["'change' on server #1"], False),
        (replace(USB_SOURCE, id="pulse:alsa_input.headset"), [], True),
    ],
)
def test_a_source_that_leaves_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: InputDevice, events: list[str], gone: bool
) -> None:
    answering(tmp_path, monkeypatch, SERVER | {"default_sink_name": "alsa_output.headset"})
    (tmp_path / "subscribe").write_text("".join(f"Event {event}\n" for event in events), encoding="utf-8")
    told: list[bool] = []
    watch = pulse.SourceWatch(device, lambda: told.append(True))
    watch._thread.join(60)
    assert not watch._thread.is_alive()
    assert told == [True] * gone


@pytest.mark.parametrize(("event", "gone"), [("'change' on server #1", True), ("'remove' on source #4", False)])
def test_an_output_that_is_the_default_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str, gone: bool
) -> None:
    answering(tmp_path, monkeypatch)
    (tmp_path / "subscribe").write_text("", encoding="utf-8")
    watch = pulse.SourceWatch(OUTPUT, lambda: None)
    watch._thread.join(60)

    def events() -> Iterator[str]:
        answering(tmp_path, monkeypatch, SERVER | {"default_sink_name": "alsa_output.headset"})
        yield f"Event {event}"

    assert watch._leaves(SOURCES, events()) == gone


class FakePortAudio:
    """sounddevice with these devices; counts how often it was asked to look again."""

    class PortAudioError(Exception):
        """As sounddevice's."""

    def __init__(self, interfaces: list[tuple[str, int]], inputs: list[tuple[str, int, int, float]]) -> None:
        """`interfaces`: name, number of the default input; `inputs`: name, interface, channels, rate."""
        self._interfaces = interfaces
        self._inputs = inputs
        self.looks = 0
        self.broken = False
        self._ready = True
        self._exit_handler = None

    def _terminate(self) -> None:
        if not self._ready:
            raise self.PortAudioError("PortAudio not initialized", -10000)
        self._ready = False

    def _initialize(self) -> None:
        if self.broken:
            raise self.PortAudioError("Unanticipated host error", -9999)
        self._ready = True
        self.looks += 1

    def query_hostapis(self, number: int) -> dict[str, Any]:
        name, default = self._interfaces[number]
        return {"name": name, "default_input_device": default}

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "index": index,
                "name": name,
                "hostapi": interface,
                "max_input_channels": channels,
                "default_samplerate": rate,
            }
            for index, (name, interface, channels, rate) in enumerate(self._inputs)
        ]


def use(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", library)


@pytest.fixture
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_server")
def test_without_a_server_the_list_is_portaudios(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakePortAudio(
        [("ALSA", 1)], [("hw:0", 0, 0, 48_000.0), ("USB: Audio (hw:1,0)", 0, 1, 44_100.0), ("pulse", 0, 32, 44_100.0)]
    )
    use(library, monkeypatch)
    assert list_inputs() == [
        InputDevice("alsa:USB: Audio (hw:1,0)", "USB: Audio (hw:1,0)", "microphone", 1, 44_100, default=True),
        InputDevice("alsa:pulse", "pulse", "microphone", 32, 44_100, default=False),
    ]
    assert find_input(None).name == "USB: Audio (hw:1,0)"
    assert library.looks == 2, "each list is a new one"


@pytest.mark.usefixtures("no_server")
def test_a_sound_system_that_failed_once_can_be_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakePortAudio([("ALSA", 0)], [("Built-in", 0, 1, 48_000.0)])
    use(library, monkeypatch)
    library.broken = True
    for _ in range(2):
        with pytest.raises(DeviceError, match="Unanticipated host error"):
            list_inputs()
    library.broken = False
    assert [device.name for device in list_inputs()] == ["Built-in"]


@pytest.mark.usefixtures("no_server")
def test_no_new_list_while_a_stream_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the stream."""
    library = FakePortAudio([("Core Audio", 0)], [("Built-in", 0, 1, 48_000.0)])
    use(library, monkeypatch)
    monkeypatch.setattr(portaudio, "_streams", {object()})
    assert len(list_inputs()) == 1
    assert library.looks == 0


def test_a_server_stands_for_portaudios_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(tmp_path, monkeypatch)
    use(FakePortAudio([("ALSA", 0)], [("pulse", 0, 32, 44_100.0)]), monkeypatch)
    assert [device.id for device in list_inputs()] == ["pulse:alsa_input.usb", "pulse:alsa_output.pci.monitor"]


def test_a_server_that_portaudio_cannot_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(tmp_path, monkeypatch)
    use(FakePortAudio([("ALSA", 0)], [("USB (hw:1,0)", 0, 1, 44_100.0)]), monkeypatch)
    assert [device.id for device in list_inputs()] == ["alsa:USB (hw:1,0)"]
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(DeviceError, match="libasound2-plugins"):
        find_input(None, "system")


@pytest.mark.usefixtures("no_server")
def test_windows_lists_each_device_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        FakePortAudio(
            [("MME", 0), ("Windows WASAPI", 2)],
            [
                ("Microphone (USB Audio Devi", 0, 2, 44_100.0),
                ("Microphone (USB Audio Device)", 1, 2, 48_000.0),
                ("CABLE Output (VB-Audio Virtual Cable)", 1, 2, 48_000.0),
            ],
        ),
        monkeypatch,
    )
    assert [(device.name, device.kind) for device in list_inputs()] == [
        ("Microphone (USB Audio Device)", "microphone"),
        ("CABLE Output (VB-Audio Virtual Cable)", "system"),
    ]


@pytest.mark.parametrize("name", ["BlackHole 2ch", "Stereo Mix (Realtek)", "Stereomix (Realtek)", "Soundflower (64ch)"])
@pytest.mark.usefixtures("no_server")
def test_loopback_devices_are_known_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    use(FakePortAudio([("Core Audio", 1)], [(name, 0, 2, 48_000.0), ("Built-in", 0, 1, 48_000.0)]), monkeypatch)
    assert find_input(None, "system").name == name
    assert find_input(None).name == "Built-in"


@pytest.mark.usefixtures("no_server")
def test_without_portaudio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DeviceError, match="sudo apt install libportaudio2") as caught:
        list_inputs()
    assert caught.value.exit_code == 3


@pytest.mark.usefixtures("no_server")
def test_a_sound_system_that_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is imported, as with a damaged ~/.asoundrc, or when it looks again."""
    (tmp_path / "sounddevice.py").write_text("raise RuntimeError('Unanticipated host error')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DeviceError, match=r"cannot be used \(Unanticipated host error\); .*asoundrc"):
        list_inputs()

    library = OpeningPortAudio()

    def fail() -> None:
        raise library.PortAudioError("Internal error")

    monkeypatch.setattr(library, "_initialize", fail)
    use(library, monkeypatch)
    with pytest.raises(DeviceError, match=r"cannot be used \(Internal error\)"):
        list_inputs()


class OpeningPortAudio(FakePortAudio):
    """Its streams tell how they were opened; the rate 1 is refused."""

    def __init__(self) -> None:
        super().__init__([("ALSA", 0)], [("pulse", 0, 32, 44_100.0), ("USB", 0, 4, 48_000.0)])
        self.streams: list[Any] = []
        self.pulse_source: str | None = None

    def InputStream(self, **options: Any) -> Any:
        if options["samplerate"] == 1:
            raise self.PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
        self.pulse_source = os.environ.get("PULSE_SOURCE")
        calls: list[str] = []
        stream = SimpleNamespace(options=options, calls=calls)
        for name in ("start", "abort", "stop", "close"):
            setattr(stream, name, lambda name=name: calls.append(name))
        self.streams.append(stream)
        return stream


@pytest.mark.parametrize(
    ("device", "index", "channels", "source"),
    [
        (InputDevice("alsa:USB", "USB", "microphone", 4, 48_000, True), 1, 2, "before"),
        (InputDevice("pulse:alsa_input.usb", "USB", "microphone", 1, 16_000, True), 0, 1, "alsa_input.usb"),
    ],
)
@pytest.mark.usefixtures("no_server")
def test_a_stream_at_the_devices_own_rate(
    monkeypatch: pytest.MonkeyPatch, device: InputDevice, index: int, channels: int, source: str
) -> None:
    library = OpeningPortAudio()
    use(library, monkeypatch)
    monkeypatch.setattr(portaudio, "_streams", set())
    monkeypatch.setenv("PULSE_SOURCE", "before")
    blocks: list[tuple[Any, ...]] = []
    stream = portaudio.open_stream(device, lambda *block: blocks.append(block), lambda: None)
    (opened,) = library.streams
    assert opened.options["device"] == index
    assert opened.options["channels"] == channels
    assert opened.options["samplerate"] == device.sample_rate
    assert library.pulse_source == source
    opened.options["callback"](
        "samples", 1, SimpleNamespace(inputBufferAdcTime=2.5), SimpleNamespace(input_overflow=True)
    )
    assert blocks == [("samples", 2.5, True)]
    stream.close()
    assert opened.calls == ["start", "abort", "close"], "a stop may hang"
    assert portaudio._streams == set()


@pytest.mark.usefixtures("no_server")
def test_a_stream_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    use(OpeningPortAudio(), monkeypatch)
    device = InputDevice("alsa:USB", "USB", "microphone", 1, 1, True)
    with pytest.raises(DeviceError, match=r"USB cannot be opened \(Invalid sample rate \[PaErrorCode -9997\]\); check"):
        portaudio.open_stream(device, lambda *block: None, lambda: None)
    gone = InputDevice("alsa:Headset", "Headset", "microphone", 1, 16_000, True)
    with pytest.raises(DeviceError, match="Headset is not there any more"):
        portaudio.open_stream(gone, lambda *block: None, lambda: None)
