"""From shards to batches of waveforms and token ids: shuffling, joining sentences, silences, packing by length.

Knows no model. The order depends on the seed, the epoch and the shards alone, so training resumes where it stopped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.training.ctc import encode_characters
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.targets import TextEncoder

IGNORED = -100
"""The label that no loss counts."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What a batch is made of."""

    seconds: float = 36.0
    """Audio of a batch, padding included."""
    joined: float = 0.2
    """Share of utterances made of two or three sentences of one voice."""
    speed: float = 0.14
    """Speed changes by up to this factor, pitch and tempo together, one draw a batch."""
    silence: float = 0.7
    """Up to this many seconds of silence before and after, in three of four utterances."""
    longest: float = 12.0
    """Seconds; nothing longer is made by joining."""


@dataclass(frozen=True, slots=True)
class Batch:
    audio: Tensor
    """(batch, samples), float32, zero beyond each length."""
    lengths: Tensor
    """(batch,), int64, samples."""
    labels: Tensor
    """(batch, tokens), int64, German, end of sentence included, `IGNORED` beyond."""
    characters: Tensor
    """(characters of all utterances,), int64, English, for CTC."""
    character_lengths: Tensor
    """(batch,), int64."""

    @property
    def seconds(self) -> float:
        return float(self.lengths.sum()) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class _Plan:
    """One utterance to be: which sentences, with which silences between, before and after (samples)."""

    parts: tuple[int, ...]
    silences: tuple[int, ...]
    samples: int


def training_batches(
    speech: SpeechShards, text: TextEncoder, settings: BatchSettings, *, seed: int, epoch: int, skip: int = 0
) -> Iterator[Batch]:
    """The batches of one epoch, without the first `skip`."""
    rng = random.Random(f"{seed} {epoch}")
    plans = _plan_epoch(speech, settings, rng)
    packed = _pack(plans, int(settings.seconds * SAMPLE_RATE))
    rng.shuffle(packed)
    for number, group in enumerate(packed):
        if number >= skip:
            batch_rng = random.Random(f"{seed} {epoch} {number}")
            factor = batch_rng.uniform(1 - settings.speed, 1 + settings.speed)
            waves = [_change_speed(_assemble(speech, plan), factor) for plan in group]
            yield collate(waves, [_texts(speech, plan.parts) for plan in group], text)


def evaluation_batches(speech: SpeechShards, text: TextEncoder, *, seconds: float) -> Iterator[tuple[Batch, list[int]]]:
    """Every utterance once, unchanged but for 0.2 s of silence on both sides; with the indices of each batch."""
    margin = int(0.2 * SAMPLE_RATE)
    plans = [
        _Plan((index,), (margin, margin), example.length + 2 * margin) for index, example in enumerate(speech.examples)
    ]
    for group in _pack(plans, int(seconds * SAMPLE_RATE)):
        waves = [_assemble(speech, plan) for plan in group]
        yield collate(waves, [_texts(speech, plan.parts) for plan in group], text), [plan.parts[0] for plan in group]


def collate(waves: Sequence[NDArray[np.float32]], texts: Sequence[tuple[str, str]], text: TextEncoder) -> Batch:
    """Pad waveforms and (english, german) texts to a batch."""
    lengths = torch.tensor([len(wave) for wave in waves])
    audio = torch.zeros(len(waves), int(lengths.max()))
    for row, wave in zip(audio, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(wave)
    targets = [text.encode(german) for _, german in texts]
    labels = torch.full((len(waves), max(map(len, targets))), IGNORED)
    for label, target in zip(labels, targets, strict=True):
        label[: len(target)] = torch.tensor(target)
    characters = [encode_characters(english) for english, _ in texts]
    return Batch(
        audio,
        lengths,
        labels,
        torch.tensor([character for word in characters for character in word]),
        torch.tensor([len(word) for word in characters]),
    )


def _plan_epoch(speech: SpeechShards, settings: BatchSettings, rng: random.Random) -> list[_Plan]:
    by_voice: dict[str, list[int]] = {}
    for index, example in enumerate(speech.examples):
        by_voice.setdefault(example.voice, []).append(index)
    plans: list[_Plan] = []
    for indices in by_voice.values():
        rng.shuffle(indices)
        position = 0
        while position < len(indices):
            count = rng.choice((2, 2, 3)) if rng.random() < settings.joined else 1
            parts = tuple(indices[position : position + count])
            while len(parts) > 1 and sum(speech.examples[i].length for i in parts) > settings.longest * SAMPLE_RATE:
                parts = parts[:-1]
            position += len(parts)
            edge = settings.silence if rng.random() < 0.75 else min(0.05, settings.silence)
            pauses = [rng.uniform(0.05, 0.6) for _ in parts[1:]]
            seconds = (rng.uniform(0, edge), *pauses, rng.uniform(0, edge))
            silences = tuple(int(s * SAMPLE_RATE) for s in seconds)
            plans.append(_Plan(parts, silences, sum(speech.examples[i].length for i in parts) + sum(silences)))
    rng.shuffle(plans)
    return plans


def _pack(plans: list[_Plan], samples: int) -> list[list[_Plan]]:
    """Group plans of like length, so that little is padding."""
    packed: list[list[_Plan]] = [[]]
    for plan in sorted(plans, key=lambda plan: plan.samples):
        if packed[-1] and (len(packed[-1]) + 1) * plan.samples > samples:
            packed.append([])
        packed[-1].append(plan)
    return packed


def _assemble(speech: SpeechShards, plan: _Plan) -> NDArray[np.float32]:
    wave = np.zeros(plan.samples, dtype=np.float32)
    position = plan.silences[0]
    for index, silence in zip(plan.parts, plan.silences[1:], strict=True):
        part = speech.audio(index)
        wave[position : position + len(part)] = part
        position += len(part) + silence
    return wave


def _change_speed(wave: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    return np.asarray(soxr.resample(wave, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ"), dtype=np.float32)


def _texts(speech: SpeechShards, parts: tuple[int, ...]) -> tuple[str, str]:
    examples = [speech.examples[index] for index in parts]
    return " ".join(e.english for e in examples), " ".join(e.german for e in examples)
