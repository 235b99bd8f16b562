"""Speech is told from noise, tones and music, on sounds that the weights were not fitted to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.speech_check import NO_SPEECH, SHORTEST, speech_check
from s2t2_live.evaluation.sounds import SOUNDS

SECONDS = 20


def windows(samples: NDArray[np.float32], seconds: float) -> list[NDArray[np.float32]]:
    """Pieces without overlap; silent ones left out, which no voice detector lets through."""
    size = round(seconds * SAMPLE_RATE)
    pieces = [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]
    return [piece for piece in pieces if piece.std() > 1e-4]


@pytest.mark.parametrize("seconds", [0.8, 2.0, 7.0])
@pytest.mark.parametrize("name", [name for name in SOUNDS if name != "silence"])
def test_sounds_without_words(name: str, seconds: float) -> None:
    pieces = windows(SOUNDS[name](SECONDS * SAMPLE_RATE), seconds)
    assert pieces
    assert max(speech_check().log_odds(piece) for piece in pieces) < NO_SPEECH


def test_shipped_recordings_are_speech(recordings: dict[Path, object]) -> None:
    for path in recordings:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        for piece in windows(samples, 3.0):
            assert speech_check().log_odds(piece) > 0, path


def test_real_speech_and_real_noise(shared_audio: Path) -> None:
    spoken = [soundfile.read(shared_audio / f"read_speech_{number}.wav", dtype="float32")[0] for number in range(1, 5)]
    assert min(speech_check().log_odds(samples) for samples in spoken) > 0
    noise = [soundfile.read(shared_audio / f"noise_{number}.wav", dtype="float32")[0] for number in (1, 2)]
    pieces = [piece for samples in noise for seconds in (1.0, 4.0) for piece in windows(samples, seconds)]
    assert max(speech_check().log_odds(piece) for piece in pieces) < NO_SPEECH


def test_speech_in_long_noise_is_found(recordings: dict[Path, object]) -> None:
    samples, _ = soundfile.read(min(recordings), start=8_000, frames=24_000, dtype="float32")
    noise = np.random.default_rng(1).normal(0, samples.std() / 10, 9 * SAMPLE_RATE).astype(np.float32)
    assert speech_check().log_odds(noise) < NO_SPEECH
    noise[5 * SAMPLE_RATE : 5 * SAMPLE_RATE + len(samples)] += samples
    assert speech_check().log_odds(noise) > 0


@pytest.mark.parametrize("samples", [0, 1, 399, 400, int(SHORTEST * SAMPLE_RATE) - 1])
def test_too_short_to_judge_is_speech(samples: int) -> None:
    assert speech_check().log_odds(np.zeros(samples, dtype=np.float32)) > 0


def test_silence_is_no_speech() -> None:
    assert speech_check().log_odds(np.zeros(SAMPLE_RATE, dtype=np.float32)) < NO_SPEECH


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_thread_but_the_callers_works() -> None:
    """Threads of a matrix library that go on spinning would take the cores from the model."""
    code = """
import os, time
from pathlib import Path
import numpy as np
from s2t2_live.audio.speech_check import speech_check

def ticks():  # of processor time, by task
    return {int(task.name): sum(map(int, (task / "stat").read_text().rpartition(")")[2].split()[11:13]))
            for task in Path("/proc/self/task").iterdir()}

samples = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
speech_check().log_odds(samples)
before, begin = ticks(), time.process_time()
while time.process_time() < begin + 1.0:
    speech_check().log_odds(samples)
spent = {task: count - before.get(task, 0) for task, count in ticks().items()}
own = spent.pop(os.getpid())
print(own, sum(spent.values()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own, others = map(int, done.stdout.split())
    assert others < own / 10
