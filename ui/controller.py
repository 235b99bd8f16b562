"""Loads the model and runs the sessions, for a window that stays responsive. Knows no widget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from s2t2_live.live.events import Event, Load
from s2t2_live.settings import Settings
from ui.attendant import Attendant, Measurement
from ui.background import Background
from ui.bridge import Bridge
from ui.source_choice import FileChoice, SourceChoice, open_source

if TYPE_CHECKING:
    from s2t2_live.live.publisher import Sink
    from s2t2_live.live.session import EngineSettings
    from s2t2_live.live.translation import SpeechTranslationModel

log = logging.getLogger(__name__)

DRAIN_TIMEOUT = 1500
"""Milliseconds that a session has to drain when the window closes; then what is pending is dropped."""
ABORT_TIMEOUT = 700
"""Milliseconds that it then has to write its end."""


class State(StrEnum):
    """What the engine is doing, as the status line says it."""

    LOADING = "loading model"
    READY = "ready"
    STARTING = "starting"
    LISTENING = "listening"
    PAUSED = "paused"
    CATCHING_UP = "catching up"
    DRAINING = "draining"
    LOST = "microphone lost"
    FAILED = "failed"
    """There is no model."""


RUNNING = frozenset({State.STARTING, State.LISTENING, State.PAUSED, State.CATCHING_UP, State.DRAINING, State.LOST})


class SessionController(QObject):
    """Owns the model and at most one session. All slots return at once."""

    state_changed = Signal(str)
    events = Signal(list)
    """A batch of events, at most ten times a second."""
    measured = Signal(object)
    """A `Measurement`, about ten times a second while a session runs."""
    load_progressed = Signal(object, object)
    """Bytes of the model that are downloaded, and all of them."""
    model_loaded = Signal()
    session_started = Signal(object)
    """With the `SourceChoice`."""
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
        self.state = State.LOADING
        self.model: SpeechTranslationModel | None = None
        self.choice: SourceChoice | None = None
        """What is being listened to, or waits for the model."""
        self._sinks = sinks
        self._background = Background(self)
        self._bridge: Bridge | None = None
        self._attendant: Attendant | None = None
        self._load_number = 0
        self._closing = False

    @property
    def running(self) -> bool:
        """Whether there is a session that has not ended."""
        return self._attendant is not None

    @Slot()
    def load_model(self) -> None:
        """Load the model of the settings, in place of the one that is there."""
        self._load_number += 1
        number, settings = self._load_number, self.settings
        self.model = None
        self._set_state(State.LOADING)
        self._background.run(
            lambda: _load(settings),
            done=lambda model: self._loaded(number, model),
            failed=lambda error: self._load_failed(number, error),
        )

    @Slot(object)
    def start(self, choice: SourceChoice) -> None:
        """Begin a session as soon as there is a model; nothing while one runs."""
        if self.running or self._closing:
            return
        self.choice = choice
        if self.model is None:
            if self.state is State.FAILED:
                self.load_model()
            return
        model, settings, more_sinks = self.model, self.settings, self._sinks
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
        self._set_state(State.STARTING)
        attendant.start()

    @Slot()
    def pause(self) -> None:
        if self._attendant is not None and self.state in (State.LISTENING, State.CATCHING_UP, State.LOST):
            self._set_state(State.PAUSED)

    @Slot()
    def resume(self) -> None:
        if self._attendant is not None and self.state is State.PAUSED:
            self._set_state(State.LISTENING)

    @Slot()
    def stop(self) -> None:
        """Drain what was heard; a second call drops it."""
        if self._attendant is None:
            self.choice = None
            return
        if self.state is State.DRAINING:
            self._attendant.ask(lambda session: session.abort())
        else:
            self._attendant.ask(lambda session: session.stop())
            self._set_state(State.DRAINING)

    @Slot()
    def shutdown(self) -> None:
        """End everything within seconds and emit `shut_down`; what does not end in time is left behind."""
        if self._closing:
            return
        self._closing = True
        self._load_number += 1
        if self._attendant is None:
            self._close()
            return
        if self.state is not State.DRAINING:
            self.stop()
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

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            self.state = state
        self.state_changed.emit(state.value)

    def _loaded(self, number: int, model: SpeechTranslationModel) -> None:
        if number != self._load_number:
            return
        self.model = model
        self._set_state(State.READY)
        self.model_loaded.emit()
        if self.choice is not None:
            self.start(self.choice)

    def _load_failed(self, number: int, error: Exception) -> None:
        if number == self._load_number:
            self.choice = None
            self._set_state(State.FAILED)
            self.failed.emit(sentence(error))

    @Slot(object)
    def _started(self, source: Any) -> None:
        if self.state is State.STARTING:
            self._set_state(State.LISTENING)
        self.session_started.emit(self.choice)

    @Slot(object)
    def _measured(self, measurement: Measurement) -> None:
        self.measured.emit(measurement)

    @Slot(list)
    def _observe(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Load) and self.state in (State.LISTENING, State.CATCHING_UP):
                self._set_state(State.LISTENING if event.level == "normal" else State.CATCHING_UP)
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
            self.failed.emit(sentence(error))
        if self._closing:
            self._close()
        else:
            self._set_state(State.READY)


def _load(settings: Settings) -> SpeechTranslationModel:
    """On a background thread: importing torch alone takes seconds."""
    from s2t2_live.live.translation import SpeechTranslationModel

    model = settings.model
    return SpeechTranslationModel.load(
        model.name, device=model.device, precision=model.precision, threads=model.threads, offline=model.offline
    )


def engine_settings(settings: Settings) -> EngineSettings:
    from s2t2_live.live.policy import PolicySettings
    from s2t2_live.live.session import EngineSettings

    return EngineSettings(
        policy=PolicySettings(name=settings.translation.policy, step=settings.translation.step),
        beam_size=settings.translation.beam_size,
    )


def session_sinks(settings: Settings, folder: Path, choice: SourceChoice) -> list[Sink]:
    """What saves a session: the journal."""
    from s2t2_live.live.journal import Journal

    return [Journal(folder, recording=choice.path if isinstance(choice, FileChoice) else None)]


def sentence(error: Exception) -> str:
    """The error as a user can read it."""
    from s2t2_live.errors import S2T2Error

    return str(error) if isinstance(error, S2T2Error) else f"{type(error).__name__}: {error}"
