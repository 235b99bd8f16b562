"""Starts the window and runs it to its end. Knows no engine."""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from s2t2_live.flags import Arguments
from s2t2_live.live.journal import sessions_folder
from s2t2_live.settings import Settings
from s2t2_live.version import __version__
from ui.controller import SessionController, session_sinks
from ui.main_window import MainWindow
from ui.source_choice import FileChoice


def run(arguments: Arguments, settings: Settings) -> int:
    """Show the window until it is closed; the exit code."""
    application = QApplication(sys.argv[:1])
    application.setApplicationName("s2t2-live")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("s2t2-live")
    folder = sessions_folder()
    controller = SessionController(settings, sinks=lambda choice: session_sinks(settings, folder, choice))
    window = MainWindow(controller)
    window.show()
    # The window is painted before the model takes the processor.
    QTimer.singleShot(0, controller.load_model)
    if arguments.files:
        window.start(FileChoice(arguments.files[0]))
    return application.exec()
