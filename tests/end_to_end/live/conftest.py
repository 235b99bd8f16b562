"""A private PulseAudio server with virtual speakers, each of which is heard by a virtual microphone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

PROGRAMS = ("pulseaudio", "pactl", "parec", "paplay")
RATES = (16_000, 44_100, 48_000)
TIMEOUT = 240
"""Seconds after which something hangs; no measure of speed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need the server."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("sound_server")


class SoundServer:
    """The server in the folder that XDG_RUNTIME_DIR names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._clients: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """One speaker and one microphone for each rate; the first ones are the default."""
        modules = ["module-native-protocol-unix"]
        for rate in RATES:
            modules += [
                f"module-null-sink sink_name=speaker_{rate} rate={rate} channels=1 "
                f"sink_properties=device.description=Speaker_{rate}",
                self._microphone(rate),
            ]
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", f"--log-target=file:{self._folder / 'pulse.log'}"]
        self._server = self._begin("pulseaudio", *options, *(f"--load={module}" for module in modules))
        deadline = time.monotonic() + TIMEOUT
        while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
            assert self._server.poll() is None, (self._folder / "pulse.log").read_text("utf-8")
            assert time.monotonic() < deadline, "the sound server does not answer"
            time.sleep(0.1)
        command = ["pactl", "set-default-source", f"microphone_{RATES[0]}"]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
        self.choose_speaker(RATES[0])
        for rate in RATES:
            # Without a listener in a hurry a null sink works in blocks of two seconds.
            command = ["parec", f"--device=speaker_{rate}.monitor", "--latency-msec=20", "--raw"]
            self._clients.append(self._begin(*command))

    def play(self, path: Path, rate: int = RATES[0]) -> subprocess.Popen[bytes]:
        """Begin to play a recording on the speaker of that rate."""
        self._clients.append(self._begin("paplay", f"--device=speaker_{rate}", str(path)))
        return self._clients[-1]

    def choose_speaker(self, rate: int) -> None:
        """Let programs play on the speaker of that rate."""
        subprocess.run(["pactl", "set-default-sink", f"speaker_{rate}"], check=True, timeout=TIMEOUT)

    def unplug(self, rate: int) -> None:
        """Take the microphone of that rate away."""
        listed = subprocess.check_output(["pactl", "list", "short", "modules"], text=True, timeout=TIMEOUT)
        (number,) = re.findall(rf"^(\d+)\t.*source_name=microphone_{rate} ", listed, re.M)
        subprocess.run(["pactl", "unload-module", number], check=True, timeout=TIMEOUT)

    def plug(self, rate: int) -> None:
        """Give it back."""
        module = self._microphone(rate).split(" ")
        subprocess.run(["pactl", "load-module", *module], check=True, capture_output=True, timeout=TIMEOUT)

    def list(self, what: str) -> Any:
        """What the server says of its sources, streams and so on."""
        return json.loads(subprocess.check_output(["pactl", "-f", "json", "list", what], text=True, timeout=TIMEOUT))

    def freeze(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a goodbye, and those that play and keep it awake."""
        processes = [*([] if self._server is None else [self._server]), *self._clients]
        for process in processes:
            process.kill()
            process.wait()
        self._server = None
        self._clients.clear()
        shutil.rmtree(self._folder / "pulse", ignore_errors=True)

    @staticmethod
    def _microphone(rate: int) -> str:
        return (
            f"module-remap-source master=speaker_{rate}.monitor source_name=microphone_{rate} "
            f"source_properties=device.description=Microphone_{rate}"
        )

    def _begin(self, *command: str) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null)


@pytest.fixture(scope="session")
def sound_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where every Pulse program of these tests looks for its server, and nowhere else."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: apt-get install pulseaudio pulseaudio-utils")
    try:
        import sounddevice  # noqa: F401
    except OSError:
        pytest.skip("PortAudio is missing: apt-get install libportaudio2")
    if not list(Path("/usr").glob("lib*/**/alsa-lib/libasound_module_pcm_pulse.so")):
        pytest.skip("ALSA cannot reach a Pulse server: apt-get install libasound2-plugins")
    # A socket's path may have no more than a hundred characters.
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    (folder / "client.conf").write_text("autospawn = no\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("PULSE_CLIENTCONFIG", str(folder / "client.conf"))
        for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_SOURCE", "PULSE_SINK"):
            patch.delenv(name, raising=False)
        yield folder
    shutil.rmtree(folder)


@pytest.fixture
def sound_server(sound_folder: Path) -> Iterator[SoundServer]:
    """A fresh server, running."""
    server = SoundServer(sound_folder)
    server.start()
    yield server
    server.kill()


class Command:
    """A running `s2t2-live --no-gui --json`, its output as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self._news: Queue[None] = Queue()
        self._readers = [
            threading.Thread(
                target=self._read, args=(process.stdout, lambda line: self.events.append(json.loads(line)))
            ),
            threading.Thread(target=self._read, args=(process.stderr, self.messages.append)),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, keep: Callable[[str], None]) -> None:
        for line in stream:
            keep(line)
            self._news.put(None)
        self._news.put(None)

    def wait_for(self, done: Callable[[], object]) -> None:
        """Until this is so."""
        deadline = time.monotonic() + TIMEOUT
        while not done():
            assert self.process.poll() is None, "".join(self.messages)
            self._news.get(timeout=max(0.01, deadline - time.monotonic()))

    def listening(self) -> None:
        """Until it hears."""
        self.wait_for(lambda: any("Listening to" in line for line in self.messages))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.of("final") if event["text"]]

    def interrupt(self) -> None:
        """Ctrl-C, and all that comes until the end."""
        self.process.send_signal(signal.SIGINT)
        self.join()

    def join(self) -> None:
        self.process.wait(TIMEOUT)
        for reader in self._readers:
            reader.join(TIMEOUT)


@pytest.fixture
def listening(
    start: Callable[..., AbstractContextManager[subprocess.Popen[str]]],
) -> Callable[..., AbstractContextManager[Command]]:
    """The command, begun, with these further arguments."""

    @contextmanager
    def begin(*arguments: str | Path) -> Iterator[Command]:
        with start("--no-gui", "--json", *arguments) as process:
            command = Command(process)
            try:
                yield command
            finally:
                process.kill()
                command.join()

    return begin


@pytest.fixture(scope="session")
def finals_of(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., list[str]]:
    """The finals of a recording's replay, as fast as possible, with these further arguments."""

    def replay(path: Path, *arguments: str) -> list[str]:
        done = run("--no-gui", "--json", "--speed", "max", *arguments, path)
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return [event["text"] for event in events if event["type"] == "final" and event["text"]]

    return replay


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Several commands run at once; torch would give each of them every core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        yield
