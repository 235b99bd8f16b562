"""Speech on disk: shards of raw samples with an index beside them. Knows neither voices nor models.

A shard is `NAME.pcm` (int16, 16 kHz, one utterance after the other) and `NAME.jsonl` (one line an utterance).
The index is written last, so a shard that was interrupted does not exist. `NAME.timing.npz` may lie beside them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import S2T2Error, UsageError
from s2t2_live.training.speech import Example
from s2t2_live.training.timing import Timing, read_timings, timing_path


def write_shard(
    folder: Path, name: str, items: Iterable[tuple[NDArray[np.int16], str, str, str, str]]
) -> Sequence[Example]:
    """Write (samples, english, german, topic, voice) tuples as a shard, in place of one of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / f"{name}.jsonl"
    index.unlink(missing_ok=True)
    examples: list[Example] = []
    position = 0
    with (folder / f"{name}.pcm").open("wb") as pcm:
        for samples, english, german, topic, voice in items:
            pcm.write(samples.tobytes())
            examples.append(Example(english, german, topic, voice, position, len(samples)))
            position += len(samples)
    partial = folder / f"{name}.jsonl.part"
    partial.write_text("".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in examples), encoding="utf-8")
    os.replace(partial, index)
    return examples


class SpeechShards:
    """All utterances of a folder, memory-mapped; a `Speech`."""

    def __init__(
        self, folder: Path, pattern: str = "*", *, topics: Collection[str] = (), held_out: bool = False
    ) -> None:
        """Open every complete shard of the folder whose name matches; of `topics` only, where some are given.

        `held_out` says that they are for evaluation. Raises S2T2Error when there is nothing, or nothing in a shard,
        UsageError when there is nothing of the topics.
        """
        self.examples: list[Example] = []
        self.timings: dict[int, Timing] = {}
        self._samples: list[NDArray[np.int16]] = []
        self._shard_of: list[int] = []
        self._lines: list[int] = []
        self._aligned: set[int] = set()
        self._names: list[str] = []
        self._folder = folder
        self._pattern = pattern
        self._topics = topics
        self._left_out: set[str] = set()
        """Other topics."""
        self.refresh()
        if not self.examples and self._left_out:
            there = ", ".join(sorted(self._left_out))
            raise UsageError(f"{folder} holds no speech of the topics {', '.join(topics)}; there are {there}.")
        if not self.examples:
            step = "synthesize --evaluation 200" if held_out else "synthesize"
            raise S2T2Error(f"{folder} holds no speech; run `python -m s2t2_live.training {step}` first")

    def refresh(self) -> int:
        """Take in shards that were completed or aligned since; returns the number of new utterances.

        Raises S2T2Error for an empty one.
        """
        before = len(self.examples)
        for index in sorted(self._folder.glob(f"{self._pattern}.jsonl")):
            if index.stem in self._names:
                continue
            with index.open(encoding="utf-8") as lines:
                examples = [Example(**json.loads(line)) for line in lines]
            if not examples:
                raise S2T2Error(f"{index} is a shard without speech; remove it, and have it spoken again.")
            self._names.append(index.stem)
            self._samples.append(np.memmap(index.with_suffix(".pcm"), dtype=np.int16, mode="r"))
            kept = [i for i, example in enumerate(examples) if not self._topics or example.topic in self._topics]
            self.examples += [examples[i] for i in kept]
            self._left_out |= {example.topic for example in examples} - set(self._topics)
            self._lines += kept
            self._shard_of += [len(self._samples) - 1] * len(kept)
        self._read_timings()
        return len(self.examples) - before

    def _read_timings(self) -> None:
        found = {
            number: read_timings(path)
            for number, name in enumerate(self._names)
            if number not in self._aligned and (path := timing_path(self._folder, name)).exists()
        }
        self._aligned |= found.keys()
        for index, (shard, line) in enumerate(zip(self._shard_of, self._lines, strict=True)):
            if shard in found and (timing := found[shard][line]) is not None:
                self.timings[index] = timing

    def __len__(self) -> int:
        return len(self.examples)

    def audio(self, index: int) -> NDArray[np.float32]:
        """The samples of one utterance, shape (n,), float32, full scale ±1."""
        example = self.examples[index]
        raw = self._samples[self._shard_of[index]][example.start : example.start + example.length]
        return raw.astype(np.float32) / 32768.0

    @property
    def seconds(self) -> float:
        """Audio in all, seconds."""
        return sum(example.length for example in self.examples) / SAMPLE_RATE
