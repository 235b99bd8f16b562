"""What the engine is doing, and how the status line says it. Knows no widget."""

from __future__ import annotations

from enum import StrEnum

from ui.source_choice import FileChoice, SourceChoice


class State(StrEnum):
    """What the engine is doing."""

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


TONES = {
    State.READY: "good",
    State.LISTENING: "good",
    State.CATCHING_UP: "warning",
    State.LOST: "critical",
    State.FAILED: "critical",
}
"""The colour of a state, where it is not muted."""


def in_words(state: State, choice: SourceChoice | None, *, waiting: bool) -> str:
    """`choice` is what is listened to; `waiting` for the model, perhaps."""
    name = "" if choice is None else choice.name
    playing = isinstance(choice, FileChoice)
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
    return words[state]
