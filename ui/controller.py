"""Loads the model and runs the sessions, for a window that stays responsive. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from s2t2_live.assembly import engine_settings
from s2t2_live.errors import sentence
from s2t2_live.live.events import Event, Load
from s2t2_live.settings import ModelSettings, Settings
from ui.attendant import Attendant, Measurement
from ui.background import Background
from ui.bridge import Bridge
from ui.model_load import ModelLoad
from ui.source_choice import FileChoice, SourceChoice, find_inputs, open_source
from ui.state import State

if TYPE_CHECKING:
    from s2t2_live.live.publisher import Sink
    from s2t2_live.live.session import Session
    from s2t2_live.live.translation import SpeechTranslationModel

DRAIN_TIMEOUT = 1200
"""Milliseconds that a session has to drain when the window closes; then what is pending is dropped."""
ABORT_TIMEOUT = 500
"""Milliseconds that it then has to write its end."""


class SessionController(QObject):
    """Owns the model and at most one session. All methods return at once."""

    state_changed = Signal(str)
    """A `State`."""
    events = Signal(list)
    """A batch of events, at most ten times a second."""
    measured = Signal(object)
    """A `Measurement`, about ten times a second while a session runs."""
    inputs_found = Signal(object)
    """The answer to `find_inputs`: `Inputs`."""
    load_progressed = Signal(object, object)
    """Bytes of the model that are there, and all of them, while it is downloaded."""
    model_loaded = Signal()
    session_started = Signal(object)
    """With the `SourceChoice`; the source is open."""
    session_ended = Signal()
    failed = Signal(str)
    """One sentence for the user."""
    shut_down = Signal()
    """Nothing runs any more, or it has been left behind."""

    def __init__(
        self, settings: Settings, *, sinks: Callable[[SourceChoice], Sequence[Sink]], parent: QObject | None = None
    ) -> None:
        """`sinks` gives those of one session beside the window's; it is called on a background thread."""
        super().__init__(parent)
        self.settings = settings
        """Those of the next load and the next session."""
        self.state = State.LOADING
        self.model: SpeechTranslationModel | None = None
        self.choice: SourceChoice | None = None
        """What is being listened to, or waits for the model."""
        self._sinks = sinks
        self._background = Background(self)
        self._bridge: Bridge | None = None
        self._attendant: Attendant | None = None
        self._next: SourceChoice | None = None
        self._load: ModelLoad | None = None
        self._loaded_settings: ModelSettings | None = None
        self._paused = self._draining = self._lost = self._busy = False
        self.closing = False
        """Whether `shutdown` was called."""

    @property
    def running(self) -> bool:
        """Whether there is a session that has not ended."""
        return self._attendant is not None

    @property
    def going_on(self) -> bool:
        """Whether there is a session that was not told to stop, or one that follows it."""
        return self.running and (not self._draining or self._next is not None)

    @property
    def waiting(self) -> bool:
        """Whether the choice waits for the model."""
        return self.choice is not None and not self.running

    # The model.

    @property
    def download(self) -> tuple[int, int] | None:
        """Bytes that are there and all of them, of the model that is being downloaded; None where none is."""
        return None if self._load is None else self._load.download

    @Slot()
    def load_model(self) -> None:
        """Load the model of the settings, in place of the one that is there; not while a session runs."""
        if self.running or self.closing:
            return
        self._drop_load()
        settings, load = self.settings, ModelLoad()
        self._loaded_settings = settings.model
        self._load = load
        self.model = None
        self._set_state(State.LOADING)
        load.progressed.connect(self._load_progressed)
        self._background.run(
            lambda: load.run(settings),
            done=lambda model: self._loaded(load, model),
            failed=lambda error: self._load_failed(load, error),
        )

    @Slot()
    def cancel_load(self) -> None:
        """Give up the load that is under way; what has been downloaded of it stays for the next one."""
        if self._load is not None:
            self._drop_load()
            self.choice = None
            self._set_state(State.FAILED)

    def _drop_load(self) -> None:
        if self._load is not None:
            self._load.cancelled.set()
            self._load = None

    # Sessions.

    @Slot()
    def find_inputs(self) -> None:
        """Look for the inputs of the computer; `inputs_found` has them."""
        settings = self.settings.input
        self._background.run(lambda: find_inputs(settings), done=self.inputs_found.emit, failed=self._failed)

    @Slot(object)
    def start(self, choice: SourceChoice) -> None:
        """Begin a session as soon as there is a model, and the session that runs has ended."""
        if self.closing:
            return
        if self.running:
            self._next = choice
            self._drain()
            return
        self.choice = choice
        if self.model is not None:
            self._begin(choice, self.model)
        elif self._load is None:
            self.load_model()
        else:
            self.state_changed.emit(self.state.value)

    @Slot()
    def pause(self) -> None:
        """Hear nothing until `resume`."""
        self._set_paused(True)

    @Slot()
    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if self._attendant is not None and not self._draining and self.state is not State.STARTING:
            self._paused = paused
            self._attendant.ask(lambda session: session.pause() if paused else session.resume())
            self._show_state()

    @Slot()
    def stop(self) -> None:
        """Drain what was heard; a second call drops it. A session that waits for its turn is forgotten."""
        self._next = None
        if self._attendant is None:
            self.choice = None
            self.state_changed.emit(self.state.value)
        elif self._draining:
            self._attendant.ask(lambda session: session.abort())
        else:
            self._drain()

    def _drain(self) -> None:
        if self._attendant is not None and not self._draining:
            self._draining = True
            self._attendant.ask(lambda session: session.stop())
            self._show_state()

    def change(self, settings: Settings) -> None:
        """Go on with other settings: another policy now, another model when the session has ended, all else then."""
        before, self.settings = self.settings, settings
        if self._attendant is not None:
            if settings.translation != before.translation:
                self._attendant.ask(lambda session: _change(session, settings))
        elif settings.model != before.model:
            self.load_model()

    @Slot()
    def shutdown(self) -> None:
        """End everything within seconds and emit `shut_down`; what does not end in time is left behind."""
        if self.closing:
            return
        self.closing = True
        self._next = None
        if self._load is not None:
            self._load.cancelled.set()
        if self._attendant is None:
            self._close()
            return
        self._drain()
        QTimer.singleShot(DRAIN_TIMEOUT, self, self._abort_closing)

    def _abort_closing(self) -> None:
        if self._attendant is not None:
            self._attendant.ask(lambda session: session.abort())
            QTimer.singleShot(ABORT_TIMEOUT, self, self._close)

    def _close(self) -> None:
        if self._attendant is not None:
            self._attendant.leave()
        self._background.close()
        self.shut_down.emit()

    def _begin(self, choice: SourceChoice, model: SpeechTranslationModel) -> None:
        settings, more_sinks = self.settings, self._sinks
        bridge = self._bridge = Bridge(self)
        bridge.events.connect(self._observe)
        attendant = self._attendant = Attendant(
            lambda: open_source(choice),
            model,
            lambda: engine_settings(settings),
            lambda: [bridge, *more_sinks(choice)],
            self,
        )
        attendant.started.connect(self._started)
        attendant.measured.connect(self._measured)
        attendant.ended.connect(self._ended)
        self._paused = self._draining = self._lost = self._busy = False
        self._set_state(State.STARTING)
        attendant.start()

    # What the threads tell.

    @Slot(object, object)
    def _load_progressed(self, done: int, total: int) -> None:
        # What was on its way when the load was given up comes after it.
        if self._load is not None and self.sender() is self._load:
            self._load.download = done, total
            self.load_progressed.emit(done, total)

    def _loaded(self, load: ModelLoad, model: SpeechTranslationModel) -> None:
        if load is not self._load:
            return
        self._load = None
        self.model = model
        self._set_state(State.READY)
        self.model_loaded.emit()
        if self.choice is not None:
            self._begin(self.choice, model)

    def _load_failed(self, load: ModelLoad, error: Exception) -> None:
        if load is self._load:
            self._load = None
            self.choice = None
            self._set_state(State.FAILED)
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.failed.emit(sentence(error))

    @Slot(object)
    def _started(self, source: object) -> None:
        if self.state is State.STARTING:
            self._set_state(State.LISTENING)
        self.session_started.emit(self.choice)

    @Slot(object)
    def _measured(self, measurement: Measurement) -> None:
        if measurement.lost is not self._lost:
            self._lost = measurement.lost
            self._show_state()
        self.measured.emit(measurement)

    @Slot(list)
    def _observe(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Load):
                self._busy = event.level != "normal"
                self._show_state()
        self.events.emit(events)

    @Slot(object)
    def _ended(self, error: Exception | None) -> None:
        assert self._attendant is not None
        assert self._bridge is not None
        self._bridge.close()
        self._bridge.flush()
        self._bridge.deleteLater()
        self._attendant.deleteLater()
        self._bridge = self._attendant = self.choice = None
        self.session_ended.emit()
        if error is not None:
            self._failed(error)
        if self.closing:
            self._close()
            return
        following, self._next = self._next, None
        if self.settings.model == self._loaded_settings:
            self._set_state(State.READY)
        else:
            self.load_model()
        if following is not None:
            self.start(following)

    # States.

    def _show_state(self) -> None:
        """The state of the session that runs."""
        if self.state is State.STARTING and not self._draining:
            return
        if self._draining:
            self._set_state(State.DRAINING)
        elif self._paused:
            self._set_state(State.PAUSED)
        elif self._lost:
            self._set_state(State.LOST)
        else:
            self._set_state(State.CATCHING_UP if self._busy else State.LISTENING)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.state_changed.emit(state.value)


def _change(session: Session, settings: Settings) -> None:
    engine = engine_settings(settings)
    session.change(engine.policy, engine.beam_size)


def session_sinks(settings: Settings, folder: Path, choice: SourceChoice) -> list[Sink]:
    """What saves a session: the journal, and the caption files of the settings."""
    from s2t2_live.captions.files import (
        caption_files,
        caption_paths,
        live_name,
        make_directory,
        new_caption_files,
    )
    from s2t2_live.live.journal import Journal

    recording = choice.path if isinstance(choice, FileChoice) else None
    sinks: list[Sink] = [Journal(folder, recording=recording)]
    if formats := settings.output.wanted:
        directory = settings.output.directory or Path()
        make_directory(directory)
        if not isinstance(choice, FileChoice):
            sinks += new_caption_files(live_name(), directory, formats)
        elif choice.start:
            # What the session before wrote of the recording stays.
            sinks += new_caption_files(choice.path.stem, directory, formats)
        else:
            sinks += caption_files(caption_paths([choice.path], directory, formats)[choice.path])
    return sinks
