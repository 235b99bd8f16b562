"""A recording is heard on a loudspeaker: played by the player, recorded from the sound server."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.player import Player
from tests.end_to_end.live.conftest import RATES, TIMEOUT, SoundServer

SECONDS = 3.0


def test_a_recording_is_heard(sound_server: SoundServer, tmp_path: Path) -> None:
    moments = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * moments), SAMPLE_RATE)
    command = ["parec", f"--device=speaker_{RATES[0]}.monitor", "--latency-msec=20", "--raw", "--format=float32le"]
    command += [f"--rate={SAMPLE_RATE}", "--channels=1"]
    failures: list[str] = []
    player = Player(failed=failures.append)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as recorder:
        assert recorder.stdout is not None
        recorded = bytearray(recorder.stdout.read(4))  # it hears
        done = threading.Event()

        def read() -> None:
            assert recorder.stdout is not None
            while block := recorder.stdout.read1(4096):
                recorded.extend(block)
            done.set()

        threading.Thread(target=read).start()
        player.play(tmp_path / "tone.wav", start=0.5)
        deadline = time.monotonic() + TIMEOUT
        while player.position is not None:
            assert time.monotonic() < deadline
            done.wait(0.1)
        done.wait(1.0)  # what is still on its way
        recorder.terminate()
        assert done.wait(TIMEOUT)
    assert failures == []
    sound = np.frombuffer(bytes(recorded[: len(recorded) // 4 * 4]), dtype="<f4")
    (loud,) = np.nonzero(np.abs(sound) > 0.01)
    heard = sound[loud[0] : loud[-1]]
    assert len(heard) / SAMPLE_RATE > 0.9 * (SECONDS - 0.5), "the end was cut off"
    spectrum = np.abs(np.fft.rfft(sound))
    assert abs(np.argmax(spectrum) * SAMPLE_RATE / len(sound) - 440) < 5
