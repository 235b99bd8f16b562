"""Memory and speed of the command over an hour of audio: neither may change after the first five minutes.

    python benchmarks/endurance.py

The audio is the shipped recordings in random order with pauses between them, five minutes of it over and over, so that
every part asks for the same work; it is written to a temporary file of 115 MB an hour. The installed command translates
it as fast as it can and writes captions in every format; this script reads its events and looks at the process, in
/proc and so on Linux only, whenever another five minutes are done.

Processor time is compared, not wall time, so that other programs matter less. A processor that is shared with others
still does more in one second than in another. So several times a minute of audio the command is stopped (SIGSTOP) while
this script translates one recording, always the same; what that costs is the measure of the machine at that moment, by
which the command's own cost is divided. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.live.translation import SpeechTranslationModel

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PAUSES = (0.3, 2.5)
"""Seconds between two recordings."""
REFERENCE_EVERY = 10.0
"""Seconds of audio between two measures of the machine."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The process when so much audio was done."""

    minutes: float
    megabytes: float
    """Resident."""
    processor: float
    """Seconds so far."""
    reference: float
    """Seconds that the reference took, the mean since the mark before."""
    threads: int


class Reference:
    """A fixed piece of work, whose processor time is the measure of the machine."""

    def __init__(self) -> None:
        self._model = SpeechTranslationModel.load(
            "demo-en-de", device="cpu", precision="auto", threads=None, offline=True
        )
        recording = min(asset("recordings").glob("*.flac"))
        self._samples = soundfile.read(recording, stop=5 * SAMPLE_RATE, dtype="float32")[0]
        self._seconds: list[float] = []

    def measure(self) -> None:
        before = time.process_time()
        self._model.translate(self._samples, (), beam_size=4, max_tokens=64)
        self._seconds.append(time.process_time() - before)

    def mean(self) -> float:
        """Seconds, over the measures since this was asked before."""
        mean = sum(self._seconds) / len(self._seconds)
        self._seconds.clear()
        return mean


def write_talk(path: Path, minutes: float, part: float) -> None:
    """Write the audio, a recording at a time; what follows after `part` minutes is the same again."""
    recordings = [soundfile.read(file, dtype="float32")[0] for file in sorted(asset("recordings").glob("*.flac"))]
    written = 0
    with soundfile.SoundFile(path, "w", samplerate=SAMPLE_RATE, channels=1) as file:
        while written < minutes * 60 * SAMPLE_RATE:
            random = np.random.default_rng(0)
            end = min(written + part * 60 * SAMPLE_RATE, minutes * 60 * SAMPLE_RATE)
            while written < end:
                recording = recordings[random.integers(len(recordings))]
                pause = np.zeros(round(random.uniform(*PAUSES) * SAMPLE_RATE), dtype=np.float32)
                samples = np.concatenate([recording, pause])[: round(end - written)]
                file.write(samples)
                written += len(samples)


def look(process: int, minutes: float, reference: float) -> Mark:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    # The name in brackets may hold spaces.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    processor = (int(fields[11]) + int(fields[12])) / TICKS
    return Mark(minutes, pages * PAGE / 1e6, processor, reference, int(fields[17]))


def watch(talk: Path, folder: Path, every: float, options: list[str]) -> tuple[list[Mark], dict[str, object]]:
    """Run the command, and the reference in between; the marks, and the summary that it ends with."""
    reference = Reference()
    command = [sys.executable, "-m", "s2t2_live", "--no-gui", "--speed", "max", "--json", "--quiet"]
    command += ["-m", "demo-en-de", "-o", str(folder), "-f", "txt,srt,vtt,jsonl", *options, str(talk)]
    marks: list[Mark] = []
    measured = 0.0
    summary: dict[str, object] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "session":
                reference.measure()
                marks.append(look(process.pid, 0.0, reference.mean()))
            elif event["type"] == "final":
                if event["end"] >= measured + REFERENCE_EVERY:
                    measured = event["end"]
                    process.send_signal(signal.SIGSTOP)
                    reference.measure()
                    process.send_signal(signal.SIGCONT)
                if event["end"] / 60 >= len(marks) * every:
                    marks.append(look(process.pid, event["end"] / 60, reference.mean()))
                    print(row(*marks[-2:]), flush=True)
            elif event["type"] == "summary":
                summary = event
    if process.returncode:
        raise SystemExit(f"endurance: the command failed with exit code {process.returncode}.")
    return marks, summary


def cost(before: Mark, mark: Mark) -> float:
    """Seconds of processor time for each second of audio."""
    return (mark.processor - before.processor) / (mark.minutes - before.minutes) / 60


def relative_cost(before: Mark, mark: Mark) -> float:
    """The same in units of the reference."""
    return cost(before, mark) / mark.reference


def row(before: Mark, mark: Mark) -> str:
    times = f"{cost(before, mark):14.3f} s{mark.reference:12.3f} s{relative_cost(before, mark):9.3f}"
    return f"{mark.minutes:8.1f}{mark.megabytes:9.1f} MB{mark.threads:9}{times}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="of audio (default: 60)")
    parser.add_argument("--every", type=float, default=5.0, help="minutes of audio between two looks (default: 5)")
    parser.add_argument("options", nargs="*", help="further options of the command, after --")
    arguments = parser.parse_args()
    print(f"{'minutes':>8}{'resident':>12}{'threads':>9}{'time a second':>16}{'reference':>14}{'ratio':>9}", flush=True)
    with tempfile.TemporaryDirectory(prefix="s2t2-live-") as name:
        folder = Path(name)
        talk = folder / "talk.wav"
        write_talk(talk, arguments.minutes + 0.5, arguments.every)
        marks, summary = watch(talk, folder, arguments.every, arguments.options)

    costs = [relative_cost(*pair) for pair in pairwise(marks)]
    if len(costs) < 2:
        raise SystemExit("endurance: the audio is too short to compare its first part with its last.")
    growth = marks[-1].megabytes - marks[1].megabytes
    print(f"growth of memory after the first {arguments.every:g} minutes: {growth:.1f} MB")
    print(f"time of the last {arguments.every:g} minutes over that of the first: {costs[-1] / costs[0]:.2f}")
    result = {"growth_megabytes": growth, "slower": costs[-1] / costs[0], "summary": summary}
    print(json.dumps({**result, "marks": [asdict(mark) for mark in marks]}))


if __name__ == "__main__":
    main()
