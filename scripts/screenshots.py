"""Takes the pictures of the window that the README shows, while it translates a shipped recording.

Without a screen, in a home of its own, with the default settings: python scripts/screenshots.py [FOLDER]
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HOME = tempfile.TemporaryDirectory(prefix="s2t2-live-")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HOME"] = HOME.name
for kind, place in (("CONFIG", ".config"), ("DATA", ".local/share"), ("STATE", ".local/state")):
    os.environ[f"XDG_{kind}_HOME"] = f"{HOME.name}/{place}"

from PySide6.QtCore import QEventLoop, QPointF, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter
from PySide6.QtWidgets import QWidget

from s2t2_live.assets import asset
from s2t2_live.live.events import Event, Final, Partial
from s2t2_live.live.journal import sessions_folder
from s2t2_live.settings import ModelSettings, Settings, WindowSettings
from ui.app import make_application
from ui.companions import Companions
from ui.controller import SessionController, session_sinks
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.source_choice import FileChoice
from ui.state import State
from ui.theme import Theme

RECORDING = asset("recordings/restaurant.flac")
SIZE = QSize(920, 560)
SCALE = 2
"""Pixels of the picture for one of the window, so that it is sharp on any screen."""


class Studio:
    """The window of the program, and a camera."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.application = make_application()
        self.settings = Settings(model=ModelSettings(threads=1), window=WindowSettings(theme="light"))
        self.controller = SessionController(
            self.settings, sinks=lambda choice: session_sinks(self.settings, sessions_folder(), choice)
        )
        self.preferences = Preferences(self.settings)
        self.window = MainWindow(self.controller, self.preferences, Theme(self.application))
        self.companions = Companions(self.window, sessions_folder())
        self.events: list[Event] = []
        self.controller.events.connect(self.events.extend)
        self.window.resize(SIZE)
        self.window.show()

    def wait(self, until: Callable[[], object]) -> None:
        """Go on when this is so."""
        loop, timer = QEventLoop(), QTimer()
        timer.timeout.connect(lambda: loop.quit() if until() else None)
        timer.start(20)
        loop.exec()

    def theme(self, name: str) -> None:
        window = WindowSettings(theme=name)  # type: ignore[arg-type]
        self.preferences.change(Settings(model=self.settings.model, window=window))
        self.application.processEvents()

    def grab(self, widget: QWidget) -> QImage:
        self.application.processEvents()
        picture = QImage(widget.size() * SCALE, QImage.Format.Format_ARGB32_Premultiplied)
        picture.setDevicePixelRatio(SCALE)
        picture.fill(Qt.GlobalColor.transparent)
        widget.render(picture)
        return picture

    def save(self, name: str, picture: QImage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.png"
        picture.save(str(path))
        print(path)

    def speaking(self, finals: int) -> bool:
        """Whether so many captions are finished and another one is in the making; or all is over, on a slow machine."""
        last = next((event for event in reversed(self.events) if isinstance(event, Partial | Final)), None)
        finished = sum(isinstance(event, Final) for event in self.events)
        in_the_making = isinstance(last, Partial) and bool(last.text)
        return (finished >= finals and in_the_making) or (finished > 0 and not self.controller.running)

    def strip(self) -> QImage:
        """The overlay over something like a film."""
        overlay = self.companions.overlay
        overlay.set_lines(3)
        overlay.setGeometry(QRect(0, 0, 760, overlay.height()))
        shown = self.grab(overlay)
        margin = 28
        picture = QImage(
            (overlay.size() + QSize(2 * margin, 2 * margin)) * SCALE, QImage.Format.Format_ARGB32_Premultiplied
        )
        picture.setDevicePixelRatio(SCALE)
        painter = QPainter(picture)
        sky = QLinearGradient(QPointF(0, 0), QPointF(overlay.width() + 2 * margin, overlay.height() + 2 * margin))
        for place, colour in ((0.0, "#27476e"), (0.55, "#c98b5e"), (1.0, "#f1dfb8")):
            sky.setColorAt(place, QColor(colour))
        painter.fillRect(QRect(0, 0, picture.width(), picture.height()), sky)
        painter.drawImage(QPointF(margin, margin), shown)
        painter.end()
        return picture


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "docs" / "screenshots"
    studio = Studio(folder)
    window, controller, companions = studio.window, studio.controller, studio.companions
    controller.load_model()
    studio.wait(lambda: controller.state is State.READY)
    window.start(FileChoice(RECORDING))
    studio.wait(lambda: studio.speaking(finals=1))
    window.notice_bar.dismiss()  # of a computer without loudspeakers
    studio.save("window-light", studio.grab(window))
    studio.save("overlay", studio.strip())
    studio.theme("dark")
    studio.save("window-dark", studio.grab(window))
    studio.wait(lambda: not controller.running)
    studio.theme("light")
    companions.replay.seek(0.62 * companions.replay.panel.waveform.duration)
    studio.save("replay", studio.grab(window))
    window.actions_.settings.trigger()
    dialog = companions.settings_dialog
    assert dialog is not None
    studio.save("settings", studio.grab(dialog))
    dialog.close()
    loop = QEventLoop()
    # Queued, because without a session it comes before the loop runs.
    controller.shut_down.connect(loop.quit, Qt.ConnectionType.QueuedConnection)
    window.close()
    loop.exec()
    sys.stdout.flush()
    os._exit(0)  # the model's thread may still be inside torch


if __name__ == "__main__":
    main()
