"""How long the window takes to answer while the model computes, and to close at any moment.

    python benchmarks/responsiveness.py [--seconds 30] [--speed 4] [--repeat 3] [--threads N]

The window plays shipped recordings `--speed` times as fast as they were spoken, so that the model is never idle, while
a thread posts an event to it every 10 ms: the delay is from the posting to the moment that the event loop hands it to
the window. Measured too with a window that only waits, as the machine's own share. Then the work for one more caption
is measured in a short session and in one of ten thousand captions. At last the command is started
`--repeat` times for each moment (while it downloads a model from a hub that has gone silent, loads one, translates,
drains), asked to close as the end of a desktop session does it, and the time to its end is taken. It runs without a
screen, with Qt's offscreen platform: drawing goes into memory. The last line is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer

from s2t2_live.assets import asset
from s2t2_live.live.events import Final, Partial
from s2t2_live.settings import ModelSettings, Settings
from tests.loopback_hub import Hub, client_variables
from ui.app import make_application
from ui.caption_view import CaptionView
from ui.controller import SessionController
from ui.garbage import GarbageCollector
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.source_choice import FileChoice
from ui.theme import Theme

INTERVAL = 0.01
"""Seconds between two posted events."""
LIMIT = 0.05
"""Seconds within which 99 of 100 events are to be answered."""
CLOSING_LIMIT = 3.0
"""Seconds within which the process is to end."""
CAPTIONS = 10_000
MOMENTS = ("downloading", "loading", "translating", "draining")


class Probe(QObject):
    """Takes the time from the posting of an event to its arrival."""

    KIND = QEvent.Type(QEvent.registerEventType())

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []
        self._posted: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._post, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def event(self, event: QEvent) -> bool:
        if event.type() != self.KIND:
            return super().event(event)
        self.delays.append(time.perf_counter() - self._posted[len(self.delays)])
        return True

    def _post(self) -> None:
        while not self._done.wait(INTERVAL):
            self._posted.append(time.perf_counter())
            QCoreApplication.postEvent(self, QEvent(self.KIND))


def percentiles(delays: list[float]) -> dict[str, float]:
    """In milliseconds."""
    p50, p99 = np.percentile(delays, [50, 99]).tolist()
    return {"events": len(delays), "p50_ms": 1e3 * p50, "p99_ms": 1e3 * p99, "max_ms": 1e3 * max(delays)}


def answering(seconds: float, speed: float, threads: int | None, folder: Path) -> dict[str, dict[str, float]]:
    """The delays of a window that waits, and of one that shows captions at full load."""
    application = make_application()
    garbage = GarbageCollector()
    settings = Settings(model=ModelSettings(threads=threads))
    controller = SessionController(settings, sinks=lambda _: [])
    controller.model_loaded.connect(garbage.spare)
    window = MainWindow(controller, Preferences(settings, folder / "config.toml"), Theme(application))
    recordings = sorted(asset("recordings").glob("*.flac"))
    results: dict[str, dict[str, float]] = {}

    def measure(name: str, then: Callable[[], Any]) -> None:
        probe = Probe()
        probe.start()

        def end() -> None:
            probe.stop()
            results[name] = percentiles(probe.delays)
            then()

        QTimer.singleShot(round(1000 * seconds), end)

    def play() -> None:
        if not controller.closing:
            recordings.append(recordings.pop(0))
            controller.start(FileChoice(recordings[0], speed=speed))

    def load() -> None:
        controller.session_ended.connect(play)
        play()
        measure("full load", window.close)

    controller.model_loaded.connect(lambda: measure("waiting", load))
    window.show()
    controller.load_model()
    application.exec()
    garbage.release()
    return results


def growing(captions: int) -> dict[str, float]:
    """Milliseconds of the window's work for one caption, at the begin and after so many."""
    view = CaptionView()
    view.resize(900, 500)
    view.show()
    count = 0

    def add(more: int) -> float:
        nonlocal count
        begin = time.perf_counter()
        for _ in range(more):
            count += 1
            words = f"Der nächste Zug nach Berlin fährt um halb neun von Gleis {count}."
            view.show_events([Partial(count, float(count), count + 0.5, words[:27], words[27:45], 0.0)])
            view.show_events([Final(count, float(count), count + 0.9, words, 0.0, 0.0)])
            QCoreApplication.processEvents()
        return 1e3 * (time.perf_counter() - begin) / more

    add(20)
    first = add(100)
    # In batches, as a saved session is opened.
    while count < captions:
        batch = range(count + 1, count + 501)
        view.show_events([Final(number, float(number), number + 0.9, f"Satz {number}.", 0.0, 0.0) for number in batch])
        count += 500
    return {"first_ms": first, "last_ms": add(100)}


def closing(moment: str, folder: Path) -> float:
    """Seconds from the signal to the end of the process."""
    recording = max(asset("recordings").glob("*.flac"), key=lambda path: path.stat().st_size)
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    hub = Hub({"owner/published": {"config.json": b"{}", "model.safetensors": bytes(2**21)}})
    hub.stall_after["model.safetensors"] = 2**20
    model: list[str] = []
    if moment == "downloading":
        model = ["--model", "owner/published"]
        home |= client_variables(hub.endpoint, Path(tempfile.mkdtemp(dir=folder)))
    with (
        hub.serving(),
        subprocess.Popen(
            [sys.executable, "-m", "s2t2_live", "--json", *model, str(recording)],
            env=os.environ | home | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        if moment == "downloading":
            assert hub.stalled.wait(60), "the download has not begun"
        elif moment == "loading":
            # The message comes when the window is there.
            process.stderr.readline()
        else:
            for line in process.stdout:
                if json.loads(line)["type"] == ("partial" if moment == "draining" else "speech_started"):
                    break
        begin = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        # Read while waiting: a full pipe would hold the program up.
        messages = process.communicate()[1]
        taken = time.perf_counter() - begin
    assert process.returncode == 0, messages
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each of the two measurements of the delay")
    parser.add_argument("--speed", type=float, default=4.0, help="of the recordings")
    parser.add_argument("--repeat", type=int, default=3, help="processes closed at each moment")
    parser.add_argument("--threads", type=int, default=None, help="of one operation on the CPU")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        answers = answering(arguments.seconds, arguments.speed, arguments.threads, folder)
        print(f"{'event loop':<12} {'events':>7} {'p50':>9}{'p99':>10}{'max':>10}")
        for name, row in answers.items():
            figures = "".join(f"{row[key]:>7.1f} ms" for key in ("p50_ms", "p99_ms", "max_ms"))
            print(f"{name:<12} {row['events']:>7}{figures}")
        kept = answers["full load"]["p99_ms"] <= 1e3 * LIMIT
        print(f"99 of 100 within {1e3 * LIMIT:.0f} ms at full load: {'yes' if kept else 'no'}")
        growth = growing(CAPTIONS)
        first, last = growth["first_ms"], growth["last_ms"]
        print(f"one caption: {first:.1f} ms at the begin, {last:.1f} ms after {CAPTIONS:,} captions")
        ends = {}
        for moment in MOMENTS:
            ends[moment] = [closing(moment, folder) for _ in range(arguments.repeat)]
            print(f"closed while {moment:<12} {max(ends[moment]):.2f} s at most")
        print(
            f"always within {CLOSING_LIMIT:.0f} s: {'yes' if max(map(max, ends.values())) <= CLOSING_LIMIT else 'no'}"
        )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    figures = {"event_loop": answers, "caption": growth, "closing_seconds": ends}
    print(json.dumps(figures | {"cores": os.cpu_count(), "load_average": load}))


if __name__ == "__main__":
    main()
