"""The voice detectors on labelled speech: in the clear, in noise at 20, 10, 5 and 0 dB, and in rooms.

    python benchmarks/vad.py [--detectors webrtc,silero] [--audio DIR]

The speech is the shipped recordings (synthetic voices) and, where `--audio` (default ../shared/audio) has them,
recordings of people. What is speech is told from the level of the recording before noise and room are added, 10 ms at a
time, pauses shorter than 0.3 s filled. Noises and room responses are those of `--audio`, else made: pink noise and
noise that comes and goes, and two responses that die away. Each figure is the mean over all noises or rooms of its row.

    error     frames that are decided wrongly, missed speech and false speech, percent of all frames
    missed    utterances of which less than half lies in a segment, percent
    clipped   utterances whose first 50 ms or more lie in no segment, percent, the missed ones not counted
    lost      labelled speech that lies in no segment, percent
    segments  segments for each utterance (1 is right; fewer join neighbours, more cut them up)
    false     segments without labelled speech, for each minute without speech
    ms/s      processor time for a second of audio

The last line is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE, AudioChunk
from s2t2_live.audio.segmenter import SegmentEnded, Segmenter, SegmenterSettings
from s2t2_live.audio.vad import DETECTORS, VoiceDetector, level, make_detector

ROOT = Path(__file__).resolve().parent.parent
HOP = SAMPLE_RATE // 100
"""Samples of a label."""
FILLED = 0.3
"""Seconds of a pause inside of an utterance that counts as speech."""
COLUMNS = ("error", "miss", "false_alarm", "missed", "clipped", "lost", "segments", "false", "compute")

Samples = NDArray[np.float32]
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """One stream of speech, in one condition."""

    condition: str
    samples: Samples
    labels: Labels
    """One for each `HOP` samples."""


def runs(flags: Labels) -> list[tuple[int, int]]:
    """Begin and end of each stretch of True."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))


def label(samples: Samples) -> Labels:
    """What is speech in a recording without noise: what is loud enough, short pauses filled, clicks left out."""
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    levels = np.array([level(hop) for hop in hops])
    labels = levels > max(levels.max() - 40, np.percentile(levels, 5) + 10)
    for begin, end in runs(~labels):
        if begin and end < len(labels) and end - begin < FILLED * SAMPLE_RATE / HOP:
            labels[begin:end] = True
    for begin, end in runs(labels):
        if end - begin < 5:
            labels[begin:end] = False
    return labels


def read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE), dtype=np.float32)


def speech(audio: Path) -> tuple[Samples, Labels]:
    """All recordings one after the other, at one level, with pauses between them."""
    generator = np.random.default_rng(0)
    files = sorted(asset("recordings").glob("*.flac"))
    files += [audio / name for name in ("jfk.flac", "vad_labelled.wav") if (audio / name).exists()]
    files += sorted(audio.glob("read_speech_*.wav"))
    samples: list[Samples] = []
    labels: list[Labels] = []
    for file in files:
        clip = read(file)
        clip = clip[: len(clip) // HOP * HOP]
        spoken = label(clip)
        clip *= 0.05 / np.sqrt(np.mean(np.square(clip[np.repeat(spoken, HOP)])))
        pause = HOP * int(generator.integers(80, 160))
        samples += [clip, np.zeros(pause, dtype=np.float32)]
        labels += [spoken, np.zeros(pause // HOP, dtype=bool)]
    whole = np.concatenate(samples)
    whole += generator.normal(0, 10 ** (-66 / 20), len(whole)).astype(np.float32)
    return whole, np.concatenate(labels)


def noises(audio: Path) -> list[Samples]:
    files = sorted(audio.glob("noise_*.wav"))
    if files:
        return [read(file) for file in files]
    generator = np.random.default_rng(1)
    size = 30 * SAMPLE_RATE
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    spectrum = np.fft.rfft(generator.standard_normal(size)) / np.sqrt(frequencies)
    pink = np.fft.irfft(spectrum, size)
    swell = 1 + np.sin(2 * np.pi * np.arange(size) / SAMPLE_RATE / 3)
    return [pink.astype(np.float32), (generator.standard_normal(size) * swell**2).astype(np.float32)]


def rooms(audio: Path) -> list[Samples]:
    files = sorted(audio.glob("room_*.wav"))
    if files:
        return [read(file) for file in files]
    generator = np.random.default_rng(2)
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tails = [generator.standard_normal(SAMPLE_RATE) * 10 ** (-3 * seconds / decay) * 0.1 for decay in (0.4, 0.8)]
    for tail in tails:
        tail[0] = 1.0
    return [tail.astype(np.float32) for tail in tails]


def with_noise(samples: Samples, labels: Labels, noise: Samples, ratio: float) -> Samples:
    """The speech in the noise, `ratio` decibels above it while somebody speaks."""
    noise = np.resize(noise, len(samples))
    spoken = np.repeat(labels, HOP)
    power = np.mean(np.square(samples[: len(spoken)][spoken])) / np.mean(np.square(noise))
    return np.asarray(samples + noise * np.sqrt(power / 10 ** (ratio / 10)), dtype=np.float32)


def in_room(samples: Samples, room: Samples) -> Samples:
    """The speech in the room, in step with its labels."""
    direct = int(np.abs(room).argmax())
    size = len(samples) + len(room)
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(room, size), size)[direct : direct + len(samples)]
    return np.asarray(wet * np.sqrt(np.mean(np.square(samples)) / np.mean(np.square(wet))), dtype=np.float32)


def cases(audio: Path) -> Iterator[Case]:
    samples, labels = speech(audio)
    yield Case("clear", samples, labels)
    for ratio in (20, 10, 5, 0):
        for noise in noises(audio):
            yield Case(f"noise, {ratio} dB", with_noise(samples, labels, noise, ratio), labels)
    for room in rooms(audio):
        wet = in_room(samples, room)
        yield Case("room", wet, labels)
        for noise in noises(audio):
            yield Case("room and noise, 10 dB", with_noise(wet, labels, noise, 10), labels)


def decide(detector: VoiceDetector, samples: Samples) -> tuple[Labels, float]:
    """The detector's decision for each label, and the processor time in milliseconds for a second of audio."""
    size = detector.frame
    start = time.process_time()
    decisions = [detector.is_speech(samples[at : at + size]) for at in range(0, len(samples) - size + 1, size)]
    used = time.process_time() - start
    middles = np.arange(len(samples) // HOP) * HOP + HOP // 2
    return np.array(decisions)[np.minimum(middles // size, len(decisions) - 1)], 1000 * used * SAMPLE_RATE / len(
        samples
    )


def segments(detector: VoiceDetector, samples: Samples) -> list[SegmentEnded]:
    segmenter = Segmenter(detector, SegmenterSettings())
    output = [*segmenter.push(AudioChunk(samples, 0)), *segmenter.flush()]
    return [item for item in output if isinstance(item, SegmentEnded)]


def measure(detector: VoiceDetector, case: Case) -> dict[str, float]:
    detector.reset()
    decisions, compute = decide(detector, case.samples)
    labels = case.labels[: len(decisions)]
    detector.reset()
    found = segments(detector, case.samples)
    inside = np.zeros(len(labels), dtype=bool)
    for segment in found:
        inside[segment.start // HOP : -(-segment.end // HOP)] = True
    utterances = runs(labels)
    missed = [bool(inside[begin:end].mean() < 0.5) for begin, end in utterances]
    clipped = [not gone and not inside[a : a + 6].any() for (a, _), gone in zip(utterances, missed, strict=True)]
    empty = [s for s in found if not labels[s.start // HOP : -(-s.end // HOP)].any()]
    return {
        "error": 100 * float((decisions != labels).mean()),
        "miss": 100 * float((labels & ~decisions).mean()),
        "false_alarm": 100 * float((decisions & ~labels).mean()),
        "missed": 100 * float(np.mean(missed)),
        "clipped": 100 * float(np.mean(clipped)),
        "lost": 100 * float((labels & ~inside).sum() / labels.sum()),
        "segments": (len(found) - len(empty)) / len(utterances),
        "false": len(empty) / (float((~labels).sum()) * HOP / SAMPLE_RATE / 60),
        "compute": compute,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detectors", default=",".join(DETECTORS), help="(default: %(default)s)")
    parser.add_argument(
        "--audio", type=Path, default=ROOT.parent / "shared" / "audio", help="recordings, noises, rooms"
    )
    options = parser.parse_args()
    detectors = {name: make_detector(name) for name in options.detectors.split(",")}
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for case in cases(options.audio):
        for name, detector in detectors.items():
            found.setdefault(case.condition, {}).setdefault(name, []).append(measure(detector, case))
    table = {
        condition: {
            name: {column: float(np.mean([row[column] for row in rows])) for column in COLUMNS}
            for name, rows in names.items()
        }
        for condition, names in found.items()
    }
    print("| condition | detector | error | of it missed + false | missed | clipped | lost | segments | false | ms/s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for condition, names in table.items():
        for name, row in names.items():
            print(
                f"| {condition} | {name} | {row['error']:.1f} | {row['miss']:.1f} + {row['false_alarm']:.1f} "
                f"| {row['missed']:.0f} | {row['clipped']:.0f} | {row['lost']:.1f} | {row['segments']:.2f} "
                f"| {row['false']:.1f} | {row['compute']:.1f} |"
            )
    print(json.dumps({"real_recordings": options.audio.is_dir(), "table": table}))


if __name__ == "__main__":
    main()
