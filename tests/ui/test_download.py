"""A published checkpoint comes from the hub while the window is there: with its size, stopped, and gone on with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.loopback_hub import Hub, client_environment

NAME = "owner/published"
PIECE = 10 * 2**20
"""Bytes that the hub's client writes at a time."""
WINDOW = """
import json, sys
from PySide6.QtCore import QTimer
from s2t2_live.settings import ModelSettings, Settings
from ui.app import make_application
from ui.controller import SessionController
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.theme import Theme

application = make_application()
settings = Settings(model=ModelSettings(name=sys.argv[1], threads=1))
controller = SessionController(settings, sinks=lambda choice: [])
window = MainWindow(controller, Preferences(settings), Theme(application))
told = {"progress": [], "lines": [], "failed": [], "states": []}
stopped = []

def progressed(done, total):
    told["progress"].append([len(stopped), done, total])
    told["lines"].append(window.status_line.state.text())
    if done > 0.5 * total and not stopped:
        stopped.append(True)
        window.status_line.cancel_button.click()
        told["notice"] = window.notice_bar.text
        told["after stop"] = controller.state.value
        # As a user would: with the button in the notice.
        QTimer.singleShot(0, window.notice_bar.button.click)

def loaded():
    told["model"] = controller.model.name
    window.close()

controller.load_progressed.connect(progressed)
controller.failed.connect(told["failed"].append)
controller.failed.connect(lambda _: window.close())
controller.model_loaded.connect(loaded)
window.show()
controller.load_model()
code = application.exec()
print(json.dumps(told))
sys.exit(code)
"""


def test_a_download_is_shown_stopped_and_gone_on_with(demo_model: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in demo_model.iterdir()}
    hub = Hub({NAME: files})
    # Long enough to be stopped in the middle; the window does not wait for the network's own patience.
    hub.stall_after["model.safetensors"] = len(files["model.safetensors"]) // PIECE * PIECE + 2**20
    environment = {
        **client_environment(hub.endpoint, tmp_path / "cache"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        "QT_QPA_PLATFORM": "offscreen",
    }
    with hub.serving():
        process = subprocess.run(
            [sys.executable, "-c", WINDOW, NAME], env=environment, capture_output=True, text=True, timeout=600
        )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    assert told["failed"] == []
    assert told["model"] == NAME
    total = sum(len(body) for name, body in files.items() if name != "README.md")
    first = [(done, of) for stopped, done, of in told["progress"] if not stopped]
    again = [(done, of) for stopped, done, of in told["progress"] if stopped]
    assert first[0] == (0, total)
    assert f"0 of {total / 2**20:.0f} MB" in told["lines"][0]
    assert "what has come is kept" in told["notice"]
    assert told["after stop"] == "failed"
    small = total - len(files["model.safetensors"])
    assert again[0][1] == total - small, "the small files are there already"
    assert again[-1] == (again[-1][1], again[-1][1])
    wanted = [part for method, path, part in hub.requests if method == "GET" and path.endswith("safetensors")]
    assert wanted[0] is None
    assert len(wanted) > 1
    for part in wanted[1:]:
        assert part is not None
        assert int(part.removeprefix("bytes=").rstrip("-")) >= total / 2
