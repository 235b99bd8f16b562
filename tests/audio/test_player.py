"""A recording is played from any place at any speed; what it is played on is a stand-in for a loudspeaker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.player import Player
from s2t2_live.audio.recording import Recording
from s2t2_live.errors import DeviceError, RecordingError

SECONDS = 5
BLOCK = 512
TIMEOUT = 60


@dataclass
class Loudspeaker:
    """Takes blocks when it is told to, as fast as they are ready."""

    played: list[np.ndarray] = field(default_factory=list)
    opened: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    fill: Callable[[np.ndarray], None] | None = None

    def open(self, rate: int, fill: Callable[[np.ndarray], None]) -> Loudspeaker:
        assert rate == SAMPLE_RATE
        self.fill = fill
        self.opened.set()
        return self

    def close(self) -> None:
        self.closed.set()

    def take(self, blocks: int) -> np.ndarray:
        assert self.opened.wait(TIMEOUT)
        assert self.fill is not None
        taken = [np.full(BLOCK, np.nan, dtype=np.float32) for _ in range(blocks)]
        for block in taken:
            self.fill(block)
        self.played += taken
        return np.concatenate(taken)

    def take_all(self) -> np.ndarray:
        while not self.closed.wait(0.001):
            self.take(1)
        return np.concatenate(self.played)


@pytest.fixture
def loudspeaker() -> Loudspeaker:
    return Loudspeaker()


@pytest.fixture
def sentences() -> list[str]:
    return []


@pytest.fixture
def player(loudspeaker: Loudspeaker, sentences: list[str]) -> Iterator[Player]:
    player = Player(failed=sentences.append, open_stream=loudspeaker.open)
    yield player
    player.stop()


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """A recording whose samples tell their place."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.linspace(0.1, 0.9, SECONDS * SAMPLE_RATE), SAMPLE_RATE, subtype="FLOAT")
    return path


def heard(sound: np.ndarray) -> np.ndarray:
    """Without the silence while the decoder was not ready."""
    return sound[sound != 0]


def place(sample: float) -> float:
    """Seconds into the recording."""
    return (sample - 0.1) / 0.8 * SECONDS


def test_all_of_it_in_order_and_then_the_device_is_closed(
    player: Player, loudspeaker: Loudspeaker, ramp: Path, sentences: list[str]
) -> None:
    player.play(ramp)
    sound = heard(loudspeaker.take_all())
    np.testing.assert_allclose(sound, np.linspace(0.1, 0.9, SECONDS * SAMPLE_RATE), atol=1e-6)
    assert player.position is None
    assert sentences == []


def test_it_begins_where_it_is_told_to(player: Player, loudspeaker: Loudspeaker, ramp: Path) -> None:
    player.play(ramp, start=2.0)
    sound = loudspeaker.take(4)
    assert place(sound[0]) == pytest.approx(2.0, abs=0.01)
    assert player.position == pytest.approx(2.0 + 4 * BLOCK / SAMPLE_RATE)


def test_a_pause_is_silent_and_loses_nothing(player: Player, loudspeaker: Loudspeaker, ramp: Path) -> None:
    player.play(ramp)
    before = loudspeaker.take(3)
    player.pause()
    position = player.position
    assert player.paused
    assert not loudspeaker.take(5).any()
    assert player.position == position
    player.resume()
    after = loudspeaker.take(3)
    assert place(after[0]) == pytest.approx(place(before[-1]), abs=0.001)


def test_twice_as_fast_is_half_as_long(player: Player, loudspeaker: Loudspeaker, ramp: Path) -> None:
    player.play(ramp, speed=2.0)
    sound = heard(loudspeaker.take_all())
    assert len(sound) / SAMPLE_RATE == pytest.approx(SECONDS / 2, abs=0.1)


def test_another_place_takes_the_place_of_the_first(ramp: Path) -> None:
    first, second = Loudspeaker(), Loudspeaker()
    waiting = [first, second]
    player = Player(failed=pytest.fail, open_stream=lambda rate, fill: waiting.pop(0).open(rate, fill))
    player.play(ramp)
    first.take(2)
    player.play(ramp, start=4.0)
    assert first.closed.wait(TIMEOUT)
    assert place(second.take(1)[0]) == pytest.approx(4.0, abs=0.01)
    player.stop()
    assert second.closed.wait(TIMEOUT)
    assert player.position is None


def test_a_damaged_recording_is_played_as_far_as_it_can_be_read(
    player: Player, loudspeaker: Loudspeaker, ramp: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Recording.__iter__

    def damaged(recording: Recording) -> Iterator[AudioChunk]:
        yield from islice(whole(recording), 5)
        raise RecordingError("ramp.wav is damaged.")

    monkeypatch.setattr(Recording, "__iter__", damaged)
    player.play(ramp)
    sound = heard(loudspeaker.take_all())
    assert place(sound[-1]) == pytest.approx(0.5, abs=0.01)
    assert sentences == ["ramp.wav is damaged."]


def test_no_file_is_told(tmp_path: Path) -> None:
    sentences: SimpleQueue[str] = SimpleQueue()
    Player(failed=sentences.put, open_stream=Loudspeaker().open).play(tmp_path / "none.wav")
    assert "does not exist" in sentences.get(timeout=TIMEOUT)


def test_a_loudspeaker_that_takes_no_more_is_told(ramp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2t2_live.audio.player.ANSWER_TIMEOUT", 0.2)
    sentences: SimpleQueue[str] = SimpleQueue()
    loudspeaker = Loudspeaker()
    player = Player(failed=sentences.put, open_stream=loudspeaker.open)
    player.play(ramp)
    loudspeaker.take(3)
    assert "takes no more sound" in sentences.get(timeout=TIMEOUT)
    assert loudspeaker.closed.wait(TIMEOUT)
    assert player.position is None


def test_a_pause_is_no_loudspeaker_that_takes_no_more(
    player: Player, loudspeaker: Loudspeaker, sentences: list[str], ramp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2t2_live.audio.player.ANSWER_TIMEOUT", 0.2)
    player.play(ramp)
    loudspeaker.take(3)
    player.pause()
    for _ in range(100):
        loudspeaker.take(1)
        assert not loudspeaker.closed.wait(0.01)
    player.resume()
    loudspeaker.take_all()
    assert sentences == []


def test_no_loudspeaker_is_told(ramp: Path) -> None:
    sentences: SimpleQueue[str] = SimpleQueue()

    def broken(rate: int, fill: Callable[[np.ndarray], None]) -> Loudspeaker:
        raise DeviceError("There is nothing to play sound on.")

    Player(failed=sentences.put, open_stream=broken).play(ramp)
    assert sentences.get(timeout=TIMEOUT) == "There is nothing to play sound on."
