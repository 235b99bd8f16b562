"""Loading and sessions behind the window: real recordings, the shipped model, and what may go wrong."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from s2t2_live import assembly
from s2t2_live.errors import ModelNotFoundError
from s2t2_live.live.events import Event, Final, Gap, SessionStarted, Summary
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.journal import load_session, sessions, sessions_folder
from s2t2_live.live.session import Session
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.settings import ModelSettings, OutputSettings, Settings, TranslationSettings
from tests.ui.conftest import TIMEOUT, end
from ui.controller import SessionController, session_sinks
from ui.source_choice import FileChoice
from ui.state import State


@pytest.fixture
def heard(controller: SessionController) -> list[Event]:
    """All events so far."""
    events: list[Event] = []
    controller.events.connect(events.extend)
    return events


@pytest.fixture
def states(controller: SessionController) -> list[str]:
    """All states so far."""
    states: list[str] = []
    controller.state_changed.connect(states.append)
    return states


def finals(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Final)]


def until(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=TIMEOUT)


@pytest.fixture
def ready(qtbot: QtBot, controller: SessionController, loaded: None) -> SessionController:
    with qtbot.waitSignal(controller.model_loaded, timeout=TIMEOUT):
        controller.load_model()
    return controller


@pytest.mark.slow
def test_a_session_waits_for_the_model_and_is_saved(
    qtbot: QtBot,
    controller: SessionController,
    demo_model: Path,
    spoken: FileChoice,
    heard: list[Event],
    states: list[str],
) -> None:
    controller.load_model()
    controller.start(spoken)
    assert controller.state is State.LOADING
    with qtbot.waitSignal(controller.session_ended, timeout=TIMEOUT):
        pass
    assert isinstance(heard[0], SessionStarted)
    assert isinstance(heard[-1], Summary)
    assert finals(heard)
    assert list(dict.fromkeys(states))[:4] == ["loading model", "ready", "starting", "listening"]
    assert controller.state is State.READY
    (saved,) = sessions(sessions_folder())
    assert saved.state == "finished"
    assert saved.recording == spoken.path
    assert finals(load_session(saved.path)) == finals(heard)


def test_no_engine_call_is_made_on_the_ui_thread(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, str] = {}
    for name in ("__init__", "start", "pause", "resume", "change", "stop", "wait"):
        original = getattr(Session, name)

        def call(session: Session, *args: Any, name: str = name, original: Any = original, **kwargs: Any) -> Any:
            threads[name] = threading.current_thread().name
            return original(session, *args, **kwargs)

        monkeypatch.setattr(Session, name, call)
    with qtbot.waitSignal(ready.session_started, timeout=TIMEOUT):
        ready.start(spoken)
    ready.pause()
    ready.resume()
    ready.change(replace(ready.settings, translation=TranslationSettings(policy="final-only")))
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        ready.stop()
    assert threads.keys() == {"__init__", "start", "pause", "resume", "change", "stop", "wait"}
    assert set(threads.values()) == {"attendant"}


def test_pause_holds_the_recording_and_resume_goes_on(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, heard: list[Event]
) -> None:
    with qtbot.waitSignal(ready.session_started, timeout=TIMEOUT):
        ready.start(spoken)
    ready.pause()
    assert ready.state is State.PAUSED
    positions: list[float] = []
    ready.measured.connect(lambda measurement: positions.append(measurement.level.position))
    until(qtbot, lambda: len(positions) > 3 and positions[-1] == positions[-2] == positions[-3])
    ready.resume()
    assert ready.state is State.LISTENING
    until(qtbot, lambda: positions[-1] > positions[2])
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        pass
    assert finals(heard)
    assert not [event for event in heard if isinstance(event, Gap)]


def test_a_pause_before_the_session_is_open_changes_nothing(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, heard: list[Event]
) -> None:
    ready.start(spoken)
    assert ready.state is State.STARTING
    ready.pause()
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        pass
    assert finals(heard)
    assert not [event for event in heard if isinstance(event, Gap)]


def test_stop_drains_what_was_heard(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, heard: list[Event], states: list[str]
) -> None:
    ready.start(spoken)
    until(qtbot, lambda: any(event.type == "speech_started" for event in heard))
    ready.stop()
    assert ready.state is State.DRAINING
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        pass
    begun = [event for event in heard if event.type == "speech_started"]
    assert len(begun) == len([event for event in heard if isinstance(event, Final)]) > 0


class Stuck:
    """Holds the model's thread until it is let go."""

    def __init__(self, model: SpeechTranslationModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = threading.Event()
        self.free = threading.Event()
        translate = model.translate

        def stuck(*args: Any, **kwargs: Any) -> Any:
            self.reached.set()
            self.free.wait(TIMEOUT / 1000)
            return translate(*args, **kwargs)

        monkeypatch.setattr(model, "translate", stuck)


@pytest.fixture
def stuck(model: SpeechTranslationModel, monkeypatch: pytest.MonkeyPatch) -> Any:
    stuck = Stuck(model, monkeypatch)
    yield stuck
    stuck.free.set()


def test_a_second_stop_drops_what_waits(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, stuck: Stuck, heard: list[Event]
) -> None:
    ready.start(spoken)
    until(qtbot, stuck.reached.is_set)
    ready.stop()
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        ready.stop()
    assert any(isinstance(event, Gap) for event in heard)
    assert finals(heard) == []
    assert ready.state is State.READY


def test_the_end_leaves_a_stuck_model_behind(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, stuck: Stuck
) -> None:
    ready.start(spoken)
    until(qtbot, stuck.reached.is_set)
    end(qtbot, ready)
    (saved,) = sessions(sessions_folder())
    assert saved.state == "finished", "it is not offered as one that was cut off"
    assert load_session(saved.path)[0].type == "session"


def test_the_end_while_a_model_loads_waits_for_nothing(
    qtbot: QtBot, controller: SessionController, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    let_go = threading.Event()

    def load(settings: Settings, *, cancelled: Callable[[], bool], **_: Any) -> None:
        asked.set()
        let_go.wait(TIMEOUT / 1000)

    monkeypatch.setattr(assembly, "load_model", load)
    controller.load_model()
    until(qtbot, asked.is_set)
    end(qtbot, controller)
    assert not let_go.is_set()
    let_go.set()


def test_another_source_takes_over_when_the_first_is_drained(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, heard: list[Event]
) -> None:
    with qtbot.waitSignal(ready.session_started, timeout=TIMEOUT):
        ready.start(spoken)
    with qtbot.waitSignals([ready.session_ended, ready.session_started], timeout=TIMEOUT):
        ready.start(spoken)
    assert ready.running
    ready.stop()
    until(qtbot, lambda: not ready.running)
    assert [event.type for event in heard if event.type in ("session", "summary")] == ["session", "summary"] * 2


def test_who_stops_starts_nothing_else(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, stuck: Stuck, heard: list[Event]
) -> None:
    """The other source that was to take over is forgotten with the session."""
    ready.start(spoken)
    until(qtbot, stuck.reached.is_set)
    assert ready.going_on
    ready.start(spoken)
    assert ready.going_on, "another one follows"
    ready.stop()
    assert ready.running
    assert not ready.going_on
    until(qtbot, lambda: not ready.running)
    assert ready.state is State.READY
    assert [event.type for event in heard if event.type in ("session", "summary")] == ["session", "summary"]


def test_a_model_that_is_missing_can_be_replaced(
    qtbot: QtBot,
    controller: SessionController,
    model: SpeechTranslationModel,
    monkeypatch: pytest.MonkeyPatch,
    spoken: FileChoice,
) -> None:
    def load(settings: Settings, **_: Any) -> SpeechTranslationModel:
        if settings.model.name == "nowhere":
            raise ModelNotFoundError("There is no model 'nowhere'.")
        return model

    monkeypatch.setattr(assembly, "load_model", load)
    controller.start(spoken)
    with qtbot.waitSignal(controller.failed, timeout=TIMEOUT) as failed:
        controller.change(Settings(model=ModelSettings(name="nowhere")))
    assert failed.args == ["There is no model 'nowhere'."]
    assert controller.state is State.FAILED
    with qtbot.waitSignal(controller.model_loaded, timeout=TIMEOUT):
        controller.change(Settings())
    assert controller.state is State.READY


def test_a_session_goes_on_with_another_beam_size(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, heard: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ready.model is not None
    beams: list[int] = []
    translate = ready.model.translate

    def watched(*given: Any, beam_size: int, max_tokens: int) -> Hypothesis:
        beams.append(beam_size)
        return translate(*given, beam_size=beam_size, max_tokens=max_tokens)

    monkeypatch.setattr(ready.model, "translate", watched)
    with qtbot.waitSignal(ready.session_started, timeout=TIMEOUT):
        ready.start(FileChoice(spoken.path))
    ready.change(replace(ready.settings, translation=TranslationSettings(policy="final-only", beam_size=3)))
    with qtbot.waitSignal(ready.session_ended, timeout=TIMEOUT):
        pass
    assert finals(heard)
    assert beams[-1] == 3


def test_another_model_is_loaded_when_the_session_has_ended(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice
) -> None:
    with qtbot.waitSignal(ready.session_started, timeout=TIMEOUT):
        ready.start(spoken)
    with qtbot.assertNotEmitted(ready.model_loaded):
        ready.change(replace(ready.settings, model=ModelSettings(threads=1)))
    with qtbot.waitSignal(ready.model_loaded, timeout=TIMEOUT):
        ready.stop()


def test_nothing_is_replaced_when_a_voice_detector_is_missing(
    qtbot: QtBot, ready: SessionController, spoken: FileChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    kept = tmp_path / f"{spoken.path.stem}.srt"
    kept.write_text("older captions", encoding="utf-8")
    settings = replace(
        ready.settings,
        translation=TranslationSettings(vad="silero"),
        output=OutputSettings(directory=tmp_path, formats=("srt",)),
    )
    ready.change(settings)
    monkeypatch.setattr(ready, "_sinks", lambda choice: session_sinks(settings, tmp_path / "sessions", choice))
    with qtbot.waitSignal(ready.failed, timeout=TIMEOUT) as failed:
        ready.start(spoken)
    assert failed.args is not None
    assert "silero" in failed.args[0]
    assert kept.read_text("utf-8") == "older captions"


def test_a_file_that_is_no_recording_is_told_in_one_sentence(
    qtbot: QtBot, ready: SessionController, tmp_path: Path
) -> None:
    path = tmp_path / "talk.flac"
    path.write_bytes(b"not audio")
    with qtbot.waitSignals([ready.failed, ready.session_ended], timeout=TIMEOUT):
        ready.start(FileChoice(path))
    assert ready.state is State.READY
    assert sessions(sessions_folder()) == []


def test_a_download_tells_its_progress_and_can_be_given_up(
    qtbot: QtBot, controller: SessionController, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    told: list[Callable[[int, int], None]] = []

    def load(settings: Settings, *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        told.append(progress)
        progress(2**32, 2**33)
        while not cancelled():
            ended.wait(0.01)
        ended.set()

    monkeypatch.setattr(assembly, "load_model", load)
    with qtbot.waitSignal(controller.load_progressed, timeout=TIMEOUT) as progressed:
        controller.load_model()
    assert progressed.args == [2**32, 2**33]
    late: list[tuple[int, int]] = []
    controller.load_progressed.connect(lambda *progress: late.append(progress))
    teller = threading.Thread(target=told[0], args=(2**32 + 1, 2**33))
    teller.start()
    teller.join()
    controller.cancel_load()
    assert controller.state is State.FAILED
    until(qtbot, ended.is_set)
    assert late == [], "what was on its way when the load was given up"


def test_caption_files_of_a_recording_that_goes_on_from_the_middle_are_new_ones(
    spoken: FileChoice, tmp_path: Path
) -> None:
    settings = Settings(output=OutputSettings(directory=tmp_path, formats=("srt",)))
    for choice in (spoken, replace(spoken, start=1.0), replace(spoken, start=2.0), spoken):
        for sink in session_sinks(settings, tmp_path / "sessions", choice):
            sink.close()
    stem = spoken.path.stem
    assert {path.name for path in tmp_path.glob("*.srt")} == {f"{stem}.srt", f"{stem} (2).srt", f"{stem} (3).srt"}
