"""Starts the window and runs it to its end. Knows no engine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication

from s2t2_live.captions.json_lines import JsonLinesWriter
from s2t2_live.flags import Arguments
from s2t2_live.live.journal import sessions_folder
from s2t2_live.settings import Settings
from s2t2_live.version import __version__
from ui.companions import Companions
from ui.controller import SessionController, session_sinks
from ui.garbage import GarbageCollector
from ui.main_window import MainWindow
from ui.preferences import Preferences
from ui.signals import Signals
from ui.source_choice import FileChoice, SourceChoice
from ui.theme import Theme

if TYPE_CHECKING:
    from s2t2_live.live.publisher import Sink

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread of the engine lets the window's run on; Python's 5 ms add up over several threads."""


def run(arguments: Arguments, settings: Settings) -> int:
    """Show the window until it is closed; the exit code."""
    from s2t2_live.standard_streams import messages, prepare_output

    prepare_output(json=arguments.json)
    application = make_application()
    theme = Theme(application)
    folder = sessions_folder()

    def sinks(choice: SourceChoice) -> Sequence[Sink]:
        shown: list[Sink] = [JsonLinesWriter(sys.stdout)] if arguments.json else []
        return [*session_sinks(controller.settings, folder, choice), *shown]

    with ExitStack() as stack:
        stack.enter_context(messages(arguments.verbosity))
        controller = SessionController(settings, sinks=sinks)
        preferences = Preferences(settings, arguments.config)
        # Never released: a thread that is left behind would collect what is left of the window.
        garbage = GarbageCollector(application)
        controller.model_loaded.connect(garbage.spare)
        window = MainWindow(controller, preferences, theme)
        companions = Companions(window, folder, arguments.config)
        signals = Signals(window.close, application)
        stack.callback(signals.release)
        window.show()
        controller.find_inputs()
        companions.offer_interrupted_session()

        def begin() -> None:
            controller.load_model()
            if arguments.files:
                window.start(FileChoice(arguments.files[0]))

        # The window is painted before the model takes the processor.
        QTimer.singleShot(0, begin)
        code = application.exec()
        window.deleteLater()
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return code


def make_application() -> QApplication:
    """The one application of the process, by the name that desktops know it."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("s2t2-live")
    application.setApplicationDisplayName("s2t2-live")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("s2t2-live")
    return application
