"""Memory and speed of the command over an hour of audio: neither may change after the first five minutes.

    python benchmarks/endurance.py

The audio is the shipped recordings over and over, in random order with pauses between them, written to a temporary
file of 115 MB an hour. The installed command translates it as fast as it can and writes captions in every format; this
script reads its events and looks at the process, in /proc and so on Linux only, whenever another five minutes are
done. Processor time is compared, not wall time, so that other work on the machine does not matter. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PAUSES = (0.3, 2.5)
"""Seconds between two recordings."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The process when so much audio was done."""

    minutes: float
    megabytes: float
    """Resident."""
    processor: float
    """Seconds so far."""
    threads: int


def write_talk(path: Path, minutes: float) -> None:
    """Write the audio, a recording at a time."""
    random = np.random.default_rng(0)
    recordings = [soundfile.read(file, dtype="float32")[0] for file in sorted(asset("recordings").glob("*.flac"))]
    written = 0
    with soundfile.SoundFile(path, "w", samplerate=SAMPLE_RATE, channels=1) as file:
        while written < minutes * 60 * SAMPLE_RATE:
            recording = recordings[random.integers(len(recordings))]
            pause = np.zeros(round(random.uniform(*PAUSES) * SAMPLE_RATE), dtype=np.float32)
            for part in (recording, pause):
                file.write(part)
                written += len(part)


def look(process: int, minutes: float) -> Mark:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    # The name in brackets may hold spaces.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return Mark(minutes, pages * PAGE / 1e6, (int(fields[11]) + int(fields[12])) / TICKS, int(fields[17]))


def watch(talk: Path, folder: Path, every: float, options: list[str]) -> tuple[list[Mark], dict[str, object]]:
    """Run the command; the marks, and the summary that it ends with."""
    command = [sys.executable, "-m", "s2t2_live", "--no-gui", "--speed", "max", "--json", "--quiet"]
    command += ["-m", "demo-en-de", "-o", str(folder), "-f", "txt,srt,vtt,jsonl", *options, str(talk)]
    marks: list[Mark] = []
    summary: dict[str, object] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "session":
                marks.append(look(process.pid, 0.0))
            elif event["type"] == "final" and event["end"] / 60 >= marks[-1].minutes + every:
                marks.append(look(process.pid, event["end"] / 60))
                print(row(*marks[-2:]), flush=True)
            elif event["type"] == "summary":
                summary = event
    if process.returncode:
        raise SystemExit(f"endurance: the command failed with exit code {process.returncode}.")
    return marks, summary


def cost(before: Mark, mark: Mark) -> float:
    """Seconds of processor time for each second of audio."""
    return (mark.processor - before.processor) / (mark.minutes - before.minutes) / 60


def row(before: Mark, mark: Mark) -> str:
    return f"{mark.minutes:8.1f}{mark.megabytes:9.1f} MB{mark.threads:9}{cost(before, mark):34.3f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="of audio (default: 60)")
    parser.add_argument("--every", type=float, default=5.0, help="minutes of audio between two looks (default: 5)")
    parser.add_argument("options", nargs="*", help="further options of the command, after --")
    arguments = parser.parse_args()
    print(f"{'minutes':>8}{'resident':>12}{'threads':>9}{'processor time per second of audio':>36}", flush=True)
    with tempfile.TemporaryDirectory(prefix="s2t2-live-") as name:
        folder = Path(name)
        talk = folder / "talk.wav"
        write_talk(talk, arguments.minutes + 0.5)
        marks, summary = watch(talk, folder, arguments.every, arguments.options)

    costs = [cost(*pair) for pair in pairwise(marks)]
    if len(costs) < 2:
        raise SystemExit("endurance: the audio is too short to compare its first part with its last.")
    growth = marks[-1].megabytes - marks[1].megabytes
    print(f"growth of memory after the first {arguments.every:g} minutes: {growth:.1f} MB")
    print(f"time of the last {arguments.every:g} minutes over that of the first: {costs[-1] / costs[0]:.2f}")
    result = {"growth_megabytes": growth, "slower": costs[-1] / costs[0], "summary": summary}
    print(json.dumps({**result, "marks": [asdict(mark) for mark in marks]}))


if __name__ == "__main__":
    main()
