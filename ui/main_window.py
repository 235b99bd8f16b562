"""The main window: menus, the controls of a session, the captions and the status. Knows no engine."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QLabel, QMainWindow, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from ui.caption_view import CaptionView
from ui.controller import SessionController
from ui.source_choice import FileChoice, SourceChoice


class MainWindow(QMainWindow):
    """Has named places for what others add: `replay_area`, `overlay_action`, `settings_action` and the menus."""

    def __init__(self, controller: SessionController) -> None:
        super().__init__()
        self.controller = controller
        self.setWindowTitle("s2t2-live")
        self.caption_view = CaptionView()
        self.replay_area = QStackedWidget()
        """Between the captions and the controls; hidden while it has no page."""
        self.replay_area.hide()
        self.start_button = QPushButton("&Start")
        self.status_label = QLabel()
        body = QWidget()
        layout = QVBoxLayout(body)
        for widget in (self.caption_view, self.replay_area, self.start_button):
            layout.addWidget(widget)
        self.setCentralWidget(body)
        self.statusBar().addWidget(self.status_label)
        self._make_menus()
        controller.events.connect(self.caption_view.show_events)
        controller.state_changed.connect(self.status_label.setText)
        controller.failed.connect(self.statusBar().showMessage)
        controller.shut_down.connect(self._leave)
        self._left = False

    def _make_menus(self) -> None:
        bar = self.menuBar()
        self.session_menu = bar.addMenu("&Session")
        self.export_menu = self.session_menu.addMenu("&Export")
        self.edit_menu = bar.addMenu("&Edit")
        self.view_menu = bar.addMenu("&View")
        self.captions_menu = bar.addMenu("&Captions")
        self.tools_menu = bar.addMenu("&Tools")
        self.help_menu = bar.addMenu("&Help")
        self.overlay_action = QAction("&Overlay", self, checkable=True, shortcut="Ctrl+Shift+O")
        self.view_menu.addAction(self.overlay_action)
        self.settings_action = QAction("&Settings…", self, shortcut="Ctrl+,")
        self.tools_menu.addAction(self.settings_action)
        self.open_action = QAction("&Open recording…", self, shortcut=QKeySequence.StandardKey.Open)
        self.open_action.triggered.connect(self._open)
        self.session_menu.insertAction(self.export_menu.menuAction(), self.open_action)

    @Slot()
    def _open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open recording")
        if path:
            self.start(FileChoice(Path(path)))

    def start(self, choice: SourceChoice) -> None:
        self.controller.start(choice)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ends everything first; the window goes when that is done."""
        if self._left:
            event.accept()
            return
        event.ignore()
        self.controller.shutdown()

    @Slot()
    def _leave(self) -> None:
        self._left = True
        self.close()
