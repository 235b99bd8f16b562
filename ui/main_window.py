"""The main window: the controls of a session, the captions, and what the engine is doing. Knows no engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Slot
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.live.events import OUTAGE, Error, Event
from s2t2_live.settings import InputSettings, Settings
from ui.about import show_about, show_shortcuts
from ui.actions import Actions
from ui.attendant import Measurement
from ui.caption_view import CaptionView
from ui.choices import Choices
from ui.controller import SessionController
from ui.figures import Figures
from ui.find_bar import FindBar
from ui.labelled_row import LabelledRow
from ui.model_boxes import DeviceBox, ModelBox
from ui.notice_bar import NoticeBar
from ui.preferences import Preferences
from ui.session_bar import SessionBar
from ui.source_box import SourceBox
from ui.source_choice import FileChoice, Inputs, SourceChoice, sample
from ui.state import TONES, State, in_words
from ui.status_line import StatusLine
from ui.theme import Colours, Theme
from ui.welcome import Welcome

RECORDINGS = "Recordings (*.wav *.flac *.mp3 *.ogg *.opus);;All files (*)"


class MainWindow(QMainWindow):
    """Has named places for what others add: `replay_area`, and the menus and actions of `actions`."""

    def __init__(self, controller: SessionController, preferences: Preferences, theme: Theme) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.controller = controller
        self.preferences = preferences
        self.theme = theme
        self.figures: Figures | None = None
        self.speed = 1.0
        """How fast the next recording is played, as a factor."""
        self.setWindowTitle("s2t2-live")
        self.actions_ = Actions(self)
        settings = preferences.settings
        self.source_box = SourceBox()
        self.model_box = ModelBox(settings.model.name)
        self.device_box = DeviceBox(settings.model.device)
        self.notice_bar = NoticeBar()
        self.welcome = Welcome()
        self.caption_view = CaptionView()
        self.caption_area = QStackedWidget()
        self.find_bar = FindBar(self.caption_view)
        self.replay_area = QStackedWidget()
        """Between the captions and the controls; hidden while a session has no use for it."""
        self.replay_area.hide()
        self.session_bar = SessionBar(self.actions_.toggle, self.actions_.pause)
        self.status_line = StatusLine()
        self._looking = True
        """Whether it is not known yet which inputs there are."""
        self._eager = False
        """Whether the user has pressed Start while that was so."""
        self._lost = False
        """Whether the device was gone when it was last looked at."""
        self._left = False
        self._lay_out()
        self._connect()
        self._connect_actions()
        self.choices = Choices(self)
        self._show_state()
        self._restore()

    # Making it.

    def _lay_out(self) -> None:
        boxes = LabelledRow()
        boxes.add("S&ource", self.source_box, 3)
        boxes.add("&Model", self.model_box, 2)
        boxes.add("&Device", self.device_box)
        self.caption_area.addWidget(self.welcome)
        self.caption_area.addWidget(self.caption_view)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(boxes)
        layout.addWidget(self.notice_bar)
        layout.addWidget(self.caption_area, 1)
        layout.addWidget(self.find_bar)
        layout.addWidget(self.replay_area)
        layout.addWidget(self.session_bar)
        layout.addWidget(self.status_line)
        self.setCentralWidget(body)
        self.resize(980, 640)
        self.setMinimumSize(640, 400)

    def _connect(self) -> None:
        controller = self.controller
        self.preferences.changed.connect(self._settings_changed)
        self.preferences.failed.connect(self.notice_bar.tell)
        self.theme.changed.connect(self._set_colours)
        controller.events.connect(self._events)
        controller.measured.connect(self._measured)
        controller.state_changed.connect(self._show_state)
        controller.inputs_found.connect(self._inputs_found)
        controller.load_progressed.connect(self.status_line.show_download)
        controller.session_started.connect(self._session_started)
        controller.session_ended.connect(self._session_ended)
        controller.failed.connect(self._failed)
        # Queued: while it is told to close, a window cannot close itself.
        controller.shut_down.connect(self._leave, Qt.ConnectionType.QueuedConnection)
        self.source_box.refresh_wanted.connect(controller.find_inputs)
        self.source_box.chosen.connect(self._source_chosen)
        self.source_box.open_wanted.connect(self.open_recording)
        self.welcome.sample_button.clicked.connect(self.play_sample)
        self.welcome.open_button.clicked.connect(self.open_recording)
        self.status_line.cancel_wanted.connect(self._cancel_load)
        self.caption_view.transcript_changed.connect(self._transcript_changed)

    def _connect_actions(self) -> None:
        actions, view = self.actions_, self.caption_view
        for action, slot in (
            (actions.toggle, self.toggle),
            (actions.pause, self.toggle_pause),
            (actions.open, self.open_recording),
            (actions.sample, self.play_sample),
            (actions.quit, self.close),
            (actions.undo_clear, view.undo_clear),
            (actions.copy, view.copy),
            (actions.copy_all, view.copy_all),
            (actions.find, self.find_bar.open_bar),
            (actions.find_next, self.find_bar.next),
            (actions.find_previous, self.find_bar.previous),
            (actions.clear, self.clear_captions),
            (actions.back_to_live, view.back_to_live),
            (actions.reload, self.controller.load_model),
            (actions.shortcuts, lambda: show_shortcuts(self, actions.table())),
            (actions.about, lambda: show_about(self)),
        ):
            action.triggered.connect(slot)
        actions.sample.setVisible(sample() is not None)
        actions.undo_clear.setEnabled(False)

    @Slot(Colours)
    def _set_colours(self, colours: Colours) -> None:
        for part in (self.notice_bar, self.welcome, self.caption_view, self.session_bar, self.status_line):
            part.set_colours(colours)

    # What the user does.

    def start(self, choice: SourceChoice) -> None:
        """Listen to this as soon as possible."""
        if isinstance(choice, FileChoice):
            if choice != self.source_box.choice:
                choice = self.source_box.choose_file(choice.path)
            choice = replace(choice, speed=self.speed)
        self.notice_bar.dismiss()
        self.controller.start(choice)
        self._show_state()

    @Slot()
    def toggle(self) -> None:
        """Start, or stop and drain, or drop what is being drained."""
        controller = self.controller
        if controller.running or controller.choice is not None:
            controller.stop()
        elif (choice := self.source_box.choice) is not None:
            self.start(choice)
        else:
            self._eager = self._looking

    @Slot()
    def toggle_pause(self) -> None:
        if self.controller.state is State.PAUSED:
            self.controller.resume()
        else:
            self.controller.pause()

    @Slot()
    def open_recording(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open recording", "", RECORDINGS)
        if path:
            self.start(FileChoice(Path(path)))

    @Slot()
    def play_sample(self) -> None:
        if (choice := sample()) is not None:
            self.start(choice)

    @Slot()
    def _cancel_load(self) -> None:
        self.controller.cancel_load()
        self.notice_bar.tell(
            "The download was stopped; what has come is kept.", "&Go on with it", self.controller.load_model
        )

    @Slot()
    def clear_captions(self) -> None:
        self.caption_view.clear_captions()
        if self.caption_view.transcript.can_undo_clear:
            self.notice_bar.tell(
                "The captions were cleared; the saved session keeps them.",
                "Undo (Ctrl+Z)",
                self.caption_view.undo_clear,
            )

    @Slot(object)
    def _source_chosen(self, choice: SourceChoice) -> None:
        """A session that runs or waits goes on with the other source; a device is kept for the next start."""
        if isinstance(choice, InputDevice):
            followed = choice.default and choice.kind == "microphone"
            kept = InputSettings(device=None if followed else choice.id)
            self.preferences.change(replace(self.preferences.settings, input=kept))
            self.welcome.show_inputs(Inputs(preferred=choice))
        if self.controller.going_on or self.controller.waiting:
            self.start(choice)
        self._show_state()

    @Slot(object, object)
    def _settings_changed(self, before: Settings, settings: Settings) -> None:
        self.controller.change(settings)
        if settings.model != before.model and self.controller.running:
            self.notice_bar.tell("The other model is loaded when this session has ended.")

    # What the controller tells.

    @Slot(list)
    def _events(self, events: list[Event]) -> None:
        for event in events:
            if self.figures is not None:
                self.figures.add(event)
            if isinstance(event, Error) and not event.fatal:
                self.notice_bar.tell(event.message)
        self.caption_view.show_events(events)

    @Slot(object)
    def _measured(self, measurement: Measurement) -> None:
        if self._lost and not measurement.lost:
            self._forget_outage()
        self._lost = measurement.lost
        self.session_bar.level_meter.show_level(None if measurement.lost else measurement.level)
        if self.figures is not None:
            self.figures.measure(measurement)
            self.status_line.show_figures(self.figures)
            if self.controller.state is State.DRAINING:
                self.status_line.show_progress(self.figures.done, self.figures.heard)

    @Slot(object)
    def _inputs_found(self, inputs: Inputs) -> None:
        self.source_box.show_inputs(inputs)
        self.welcome.show_inputs(inputs)
        eager, self._eager, self._looking = self._eager, False, False
        if eager and self.source_box.choice is not None and self.controller.choice is None:
            self.start(self.source_box.choice)
        self._show_state()

    @Slot(object)
    def _session_started(self, choice: SourceChoice) -> None:
        self.figures = Figures()
        self.status_line.show_figures(self.figures)
        self.caption_view.setPlaceholderText("Listening…")
        self._transcript_changed()

    def _forget_outage(self) -> None:
        """What was told of it is out of date; the captions have the gap."""
        self._lost = False
        if self.notice_bar.text.endswith(OUTAGE):
            self.notice_bar.dismiss()

    @Slot()
    def _session_ended(self) -> None:
        self._forget_outage()
        self.session_bar.level_meter.show_level(None)
        self._transcript_changed()

    @Slot()
    def _transcript_changed(self) -> None:
        transcript = self.caption_view.transcript
        self.actions_.undo_clear.setEnabled(transcript.can_undo_clear)
        empty = transcript.first == len(transcript.entries)
        self.caption_area.setCurrentWidget(self.welcome if empty and not self.controller.running else self.caption_view)

    @Slot(str)
    def _failed(self, message: str) -> None:
        if self.controller.state is State.FAILED:
            self.notice_bar.tell(message, "Tr&y again", self.controller.load_model)
        else:
            self.notice_bar.tell(message)

    @Slot()
    def _show_state(self) -> None:
        controller, status = self.controller, self.status_line
        state = controller.state
        begun = controller.running or controller.waiting
        toggle = "Stop &now" if state is State.DRAINING else "Sto&p" if begun else "Sta&rt"
        pause = "Res&ume" if state is State.PAUSED else "Pa&use"
        can_pause = state in (State.LISTENING, State.CATCHING_UP, State.LOST, State.PAUSED)
        can_start = begun or self._looking or self.source_box.choice is not None
        for action, text, enabled in (
            (self.actions_.toggle, toggle, can_start),
            (self.actions_.pause, pause, can_pause),
        ):
            action.setText(text)
            action.setEnabled(enabled)
        for box in (self.model_box, self.device_box, self.actions_.reload):
            box.setEnabled(not begun)
        if controller.download is not None:
            status.show_download(*controller.download)
            return
        status.cancel_button.hide()
        status.show_progress(0 if state in (State.LOADING, State.DRAINING) else None)
        status.show_state(in_words(state, controller.choice, waiting=controller.waiting), TONES.get(state, "muted"))

    # The rest.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if len(paths) > 1:
            self.notice_bar.tell("One recording at a time: the first one is played.")
        if paths:
            event.acceptProposedAction()
            self.start(FileChoice(paths[0]))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ends everything first; the window goes when that is done."""
        if self._left:
            event.accept()
            return
        event.ignore()
        self.preferences.save()
        self._settings().setValue("window/geometry", self.saveGeometry())
        self.controller.shutdown()

    @Slot()
    def _leave(self) -> None:
        self._left = True
        self.close()

    def _restore(self) -> None:
        geometry = self._settings().value("window/geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)

    def _settings(self) -> QSettings:
        return QSettings("s2t2-live", "window")
