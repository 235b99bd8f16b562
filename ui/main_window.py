"""The main window: the controls of a session, the captions, and what the engine is doing. Knows no engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Slot
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFontDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.live.events import Error, Event
from s2t2_live.live.presets import PRESETS, preset_name
from s2t2_live.settings import Contrast, InputSettings, Settings
from s2t2_live.settings import Theme as ThemeName
from s2t2_live.version import __version__
from ui.actions import SPACINGS, Actions, check
from ui.attendant import Measurement
from ui.caption_style import LARGEST, SMALLEST, CaptionStyle
from ui.caption_view import CaptionView
from ui.controller import SessionController, State
from ui.figures import Figures
from ui.find_bar import FindBar
from ui.level_meter import LevelMeter
from ui.model_boxes import DeviceBox, ModelBox
from ui.notice_bar import NoticeBar
from ui.preferences import Preferences
from ui.source_box import SourceBox
from ui.source_choice import FileChoice, Inputs, SourceChoice, sample
from ui.status_line import StatusLine
from ui.theme import LARGE, MEDIUM, Colours, Theme
from ui.welcome import Welcome

RECORDINGS = "Recordings (*.wav *.flac *.mp3 *.ogg *.opus);;All files (*)"
TONES = {
    State.READY: "good",
    State.LISTENING: "good",
    State.CATCHING_UP: "warning",
    State.LOST: "critical",
    State.FAILED: "critical",
}
"""The colour of a state, where it is not muted."""


class MainWindow(QMainWindow):
    """Has named places for what others add: `replay_area`, and the menus and actions of `actions`."""

    def __init__(self, controller: SessionController, preferences: Preferences, theme: Theme) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.controller = controller
        self.preferences = preferences
        self.theme = theme
        self.figures: Figures | None = None
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
        self.start_button = QPushButton("Sta&rt")
        self.pause_button = QPushButton("Pa&use")
        self.level_meter = LevelMeter()
        self.status_line = StatusLine()
        self._themed: tuple[ThemeName, Contrast] | None = None
        self._looking = True
        """Whether it is not known yet which inputs there are."""
        self._eager = False
        """Whether the user has pressed Start while that was so."""
        self._left = False
        self._lay_out()
        self._connect()
        self._connect_actions()
        self._show_settings(settings)
        self._show_state()
        self._restore()

    # Making it.

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(LARGE, MEDIUM, LARGE, MEDIUM)
        top.setSpacing(MEDIUM)
        boxes: tuple[tuple[str, QWidget, int], ...] = (
            ("S&ource", self.source_box, 3),
            ("&Model", self.model_box, 2),
            ("&Device", self.device_box, 0),
        )
        for number, (text, box, stretch) in enumerate(boxes):
            label = QLabel(text)
            label.setBuddy(box)
            if number:
                top.addSpacing(MEDIUM)
            top.addWidget(label)
            top.addWidget(box, stretch)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(LARGE, MEDIUM, LARGE, 0)
        bottom.setSpacing(MEDIUM)
        self.start_button.setDefault(True)
        for button in (self.start_button, self.pause_button):
            button.setMinimumSize(112, 36)
            bottom.addWidget(button)
        bottom.addSpacing(MEDIUM)
        bottom.addWidget(self.level_meter, 1)
        self.caption_area.addWidget(self.welcome)
        self.caption_area.addWidget(self.caption_view)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.notice_bar)
        layout.addWidget(self.caption_area, 1)
        layout.addWidget(self.find_bar)
        layout.addWidget(self.replay_area)
        layout.addLayout(bottom)
        layout.addWidget(self.status_line)
        self.setCentralWidget(body)
        self.resize(980, 640)
        self.setMinimumSize(560, 360)

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
        self.model_box.chosen.connect(lambda name: self._change_model(name=name))
        self.device_box.chosen.connect(lambda device: self._change_model(device=device))
        self.welcome.sample_button.clicked.connect(self.play_sample)
        self.welcome.open_button.clicked.connect(self.open_recording)
        self.start_button.clicked.connect(self.toggle)
        self.pause_button.clicked.connect(self.toggle_pause)
        self.status_line.cancel_wanted.connect(self._cancel_load)
        self.caption_view.style_wanted.connect(self.set_caption_style)
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
            (actions.larger, lambda: self._resize_text(2)),
            (actions.smaller, lambda: self._resize_text(-2)),
            (actions.normal_size, lambda: self._resize_text(None)),
            (actions.font, self._choose_font),
            (actions.back_to_live, view.back_to_live),
            (actions.reload, self.controller.load_model),
            (actions.shortcuts, self._show_shortcuts),
            (actions.about, self._show_about),
        ):
            action.triggered.connect(slot)
        for name, action in actions.spacings.items():
            action.triggered.connect(lambda _, name=name: self._change_window(line_spacing=SPACINGS[name]))
        for name, action in actions.themes.items():
            action.triggered.connect(lambda _, name=name: self._change_window(theme=name))
        actions.high_contrast.triggered.connect(
            lambda checked: self._change_window(contrast="high" if checked else "normal")
        )
        for name, action in actions.stabilities.items():
            action.triggered.connect(lambda _, name=name: self._change_window(stability=name))
        for name, action in actions.presets.items():
            action.triggered.connect(lambda _, name=name: self._choose_preset(name))
        actions.sample.setVisible(sample() is not None)
        actions.undo_clear.setEnabled(False)

    @Slot(Colours)
    def _set_colours(self, colours: Colours) -> None:
        for part in (self.notice_bar, self.welcome, self.caption_view, self.level_meter, self.status_line):
            part.set_colours(colours)
        self.start_button.setStyleSheet(
            f"QPushButton {{ background: {colours.accent}; color: {colours.on_accent}; border: none;"
            f" border-radius: 6px; padding: 0 {LARGE}px; font-weight: 600; }}"
            f"QPushButton:focus {{ border: 2px solid {colours.text}; }}"
            f"QPushButton:disabled {{ background: {colours.border}; color: {colours.muted}; }}"
        )

    # What the user does.

    def start(self, choice: SourceChoice) -> None:
        """Listen to this as soon as possible."""
        if isinstance(choice, FileChoice) and choice != self.source_box.choice:
            choice = self.source_box.choose_file(choice.path)
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
            self.start(self.source_box.choose_file(Path(path)))

    @Slot()
    def play_sample(self) -> None:
        if (choice := sample()) is not None:
            self.start(choice)

    @Slot()
    def _cancel_load(self) -> None:
        self.controller.cancel_load()
        self.notice_bar.tell(
            "The download was stopped; what has come is kept.", "Go &on with it", self.controller.load_model
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

    @Slot(CaptionStyle)
    def set_caption_style(self, style: CaptionStyle) -> None:
        """Font, size and line spacing of the captions, kept for the next start."""
        size = min(max(style.size, SMALLEST), LARGEST)
        self._change_window(font=style.family or None, font_size=size, line_spacing=style.line_spacing)

    def _resize_text(self, by: int | None) -> None:
        style = self.caption_view.style_
        self.set_caption_style(replace(style, size=CaptionStyle().size if by is None else style.size + by))

    def _choose_font(self) -> None:
        style = self.caption_view.style_
        ok, font = QFontDialog.getFont(style.font, self, "Font of the captions")
        if ok:
            self.set_caption_style(replace(style, family=font.family(), size=font.pointSize()))

    def _change_window(self, **changes: object) -> None:
        window = replace(self.preferences.settings.window, **changes)  # type: ignore[arg-type]
        self.preferences.change(replace(self.preferences.settings, window=window))

    def _change_model(self, **changes: object) -> None:
        model = replace(self.preferences.settings.model, **changes)  # type: ignore[arg-type]
        self.preferences.change(replace(self.preferences.settings, model=model))

    def _choose_preset(self, name: str) -> None:
        preset = PRESETS[name]
        settings = self.preferences.settings
        translation = replace(settings.translation, policy=preset.policy, step=preset.step, beam_size=preset.beam_size)
        self.preferences.change(replace(settings, translation=translation))

    @Slot(object)
    def _source_chosen(self, choice: SourceChoice) -> None:
        """A session that runs goes on with the other source; a device is kept for the next start."""
        if isinstance(choice, InputDevice):
            followed = choice.default and choice.kind == "microphone"
            kept = InputSettings(device=None if followed else choice.id)
            self.preferences.change(replace(self.preferences.settings, input=kept))
        if self.controller.running:
            self.start(choice)
        self._show_state()

    @Slot(object, object)
    def _settings_changed(self, before: Settings, settings: Settings) -> None:
        self.controller.change(settings)
        self._show_settings(settings)
        if settings.model != before.model and self.controller.running:
            self.notice_bar.tell("The other model is loaded when this session has ended.")

    def _show_settings(self, settings: Settings) -> None:
        """The controls, the captions and the theme as the settings want them."""
        actions, window, translation = self.actions_, settings.window, settings.translation
        self.model_box.show_model(settings.model.name)
        self.device_box.show_device(settings.model.device)
        style = CaptionStyle.of(window)
        if style != self.caption_view.style_:
            self.caption_view.set_style(style)
        if window.stability != self.caption_view.transcript.stability:
            self.caption_view.set_stability(window.stability)
        if (window.theme, window.contrast) != self._themed:
            self._themed = (window.theme, window.contrast)
            self.theme.choose(*self._themed)
        actions.high_contrast.setChecked(window.contrast == "high")
        preset = preset_name(translation.policy, translation.step, translation.beam_size)
        for group, chosen in (
            (actions.spacings, next((name for name in SPACINGS if SPACINGS[name] == window.line_spacing), None)),
            (actions.themes, window.theme),
            (actions.stabilities, window.stability),
            (actions.presets, preset),
        ):
            check(group, chosen)

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
        self.level_meter.show_level(measurement.level)
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

    @Slot()
    def _session_ended(self) -> None:
        self.level_meter.show_level(None)
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
            self.notice_bar.tell(message, "Try &again", self.controller.load_model)
        else:
            self.notice_bar.tell(message)

    @Slot()
    def _show_state(self) -> None:
        controller, status = self.controller, self.status_line
        state = controller.state
        waiting = controller.choice is not None and not controller.running
        begun = controller.running or waiting
        toggle = "Stop &now" if state is State.DRAINING else "Sto&p" if begun else "Sta&rt"
        pause = "Res&ume" if state is State.PAUSED else "Pa&use"
        can_pause = state in (State.LISTENING, State.CATCHING_UP, State.LOST, State.PAUSED)
        can_start = begun or self._looking or self.source_box.choice is not None
        for button, action, text, enabled in (
            (self.start_button, self.actions_.toggle, toggle, can_start),
            (self.pause_button, self.actions_.pause, pause, can_pause),
        ):
            _show(button, text, enabled)
            _show(action, text, enabled)
        for box in (self.model_box, self.device_box, self.actions_.reload):
            box.setEnabled(not begun)
        status.cancel_button.hide()
        status.show_progress(0 if state in (State.LOADING, State.DRAINING) else None)
        status.show_state(self._words(waiting), TONES.get(state, "muted"))

    def _words(self, waiting: bool) -> str:
        """What the engine is doing, for the status line."""
        name = "" if self.controller.choice is None else self.controller.choice.name
        playing = isinstance(self.controller.choice, FileChoice)
        words = {
            State.LOADING: f"Loading the model; then it starts with {name}" if waiting else "Loading the model…",
            State.READY: "Ready",
            State.STARTING: f"Opening {name}…",
            State.LISTENING: f"Playing {name}" if playing else f"Listening to {name}",
            State.PAUSED: "Paused",
            State.CATCHING_UP: "Catching up; captions come late",
            State.DRAINING: "Translating what was heard…",
            State.LOST: f"{name} is lost; waiting until it is back",
            State.FAILED: "There is no model",
        }
        return words[self.controller.state]

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
            self.controller.start(self.source_box.choose_file(paths[0]))

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

    def _show_shortcuts(self) -> None:
        rows = "".join(f"<tr><td>{name}</td><td>&nbsp;&nbsp;{keys}</td></tr>" for name, keys in self.actions_.table())
        self._tell("Keyboard shortcuts", f"<table cellpadding=3>{rows}</table>")

    def _show_about(self) -> None:
        self._tell(
            "About s2t2-live",
            f"<p><b>s2t2-live {__version__}</b></p><p>Translates speech while it is spoken, on this computer alone.</p>"
            "<p>Apache License 2.0</p>",
        )

    def _tell(self, title: str, text: str) -> None:
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, self)
        box.setTextFormat(Qt.TextFormat.RichText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def _show(control: QPushButton | QAction, text: str, enabled: bool) -> None:
    control.setText(text)
    control.setEnabled(enabled)
