"""From speech to batches of waveforms and token ids: shuffling, joining sentences, cutting them off, silences, packing.

Knows no model. The order depends on the seed, the epoch and the speech alone, so training resumes where it stopped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.training.ctc import ALPHABET, encode_characters
from s2t2_live.training.speech import Speech
from s2t2_live.training.targets import TextEncoder
from s2t2_live.training.timing import text_until
from s2t2_live.training.wordless import wordless_sound

IGNORED = -100
"""The label that no loss counts."""
EVALUATION_MARGIN = int(0.2 * SAMPLE_RATE)
"""Samples of silence before and after every utterance in an evaluation."""
SHORTEST_PREFIX = int(0.1 * SAMPLE_RATE)
"""Samples of speech that are left when an utterance is cut off."""


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
    prefixes: float = 0.0
    """Share of utterances that are cut off at random, the target too, if enough of the speech is aligned."""
    wordless: float = 0.015
    """Utterances without speech and without a target, for each with speech."""


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
    """Without any, the utterance is a sound without words."""
    silences: tuple[int, ...]
    samples: int
    cut: bool = False
    """Whether `samples` is a random end, before that of the last silence."""


Target = tuple[list[int], str]
"""English characters and German text of an utterance."""


def training_batches(
    speech: Speech, text: TextEncoder, settings: BatchSettings, *, seed: int, epoch: int, skip: int = 0
) -> Iterator[Batch]:
    """The batches of one epoch, without the first `skip`."""
    rng = random.Random(f"{seed} {epoch}")
    plans = _plan_epoch(speech, settings, rng)
    # Generators of their own: without cuts and wordless sounds the rest of the epoch is the same.
    plans = _cut_off(plans, speech, settings.prefixes, random.Random(f"{seed} {epoch} prefixes"))
    plans += _wordless(round(len(plans) * settings.wordless), random.Random(f"{seed} {epoch} wordless"))
    packed = _pack(plans, int(settings.seconds * SAMPLE_RATE))
    rng.shuffle(packed)
    for number, group in enumerate(packed):
        if number >= skip:
            batch_rng = random.Random(f"{seed} {epoch} {number}")
            factor = batch_rng.uniform(1 - settings.speed, 1 + settings.speed)
            noise = np.random.default_rng([seed, epoch, number])
            waves = [_change_speed(_assemble(speech, plan, noise), factor) for plan in group]
            yield collate(waves, [_target(speech, plan) for plan in group], text)


def evaluation_batches(speech: Speech, text: TextEncoder, *, seconds: float) -> Iterator[tuple[Batch, list[int]]]:
    """Every utterance once, unchanged but for 0.2 s of silence on both sides; with the indices of each batch."""
    margin = EVALUATION_MARGIN
    plans = [
        _Plan((index,), (margin, margin), example.length + 2 * margin) for index, example in enumerate(speech.examples)
    ]
    noise = np.random.default_rng(0)
    for group in _pack(plans, int(seconds * SAMPLE_RATE)):
        waves = [_assemble(speech, plan, noise) for plan in group]
        yield collate(waves, [_target(speech, plan) for plan in group], text), [plan.parts[0] for plan in group]


def collate(waves: Sequence[NDArray[np.float32]], texts: Sequence[Target], text: TextEncoder) -> Batch:
    """Pad waveforms, English characters and German texts to a batch."""
    lengths = torch.tensor([len(wave) for wave in waves])
    audio = torch.zeros(len(waves), int(lengths.max()))
    for row, wave in zip(audio, waves, strict=True):
        row[: len(wave)] = torch.from_numpy(wave)
    targets = [text.encode(german) for _, german in texts]
    labels = torch.full((len(waves), max(map(len, targets))), IGNORED)
    for label, target in zip(labels, targets, strict=True):
        label[: len(target)] = torch.tensor(target)
    return Batch(
        audio,
        lengths,
        labels,
        torch.tensor([character for characters, _ in texts for character in characters], dtype=torch.int64),
        torch.tensor([len(characters) for characters, _ in texts]),
    )


def _plan_epoch(speech: Speech, settings: BatchSettings, rng: random.Random) -> list[_Plan]:
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


def _cut_off(plans: list[_Plan], speech: Speech, share: float, rng: random.Random) -> list[_Plan]:
    """Let that share of all plans end somewhere between its first and its last sample, as audio does that still comes.

    Only what is aligned can be cut, of that at most half: complete sentences stay the majority everywhere.
    """
    aligned = [i for i, plan in enumerate(plans) if all(part in speech.timings for part in plan.parts)]
    plans = list(plans)
    for i in rng.sample(aligned, min(round(share * len(plans)), len(aligned) // 2)):
        first, last = plans[i].silences[0] + SHORTEST_PREFIX, plans[i].samples - plans[i].silences[-1]
        if first < last:
            plans[i] = replace(plans[i], samples=rng.randrange(first, last), cut=True)
    return plans


def _wordless(count: int, rng: random.Random) -> list[_Plan]:
    return [_Plan((), (), int(rng.uniform(0.4, 6.0) * SAMPLE_RATE)) for _ in range(count)]


def _pack(plans: list[_Plan], samples: int) -> list[list[_Plan]]:
    """Group plans of like length, so that little is padding."""
    packed: list[list[_Plan]] = [[]]
    for plan in sorted(plans, key=lambda plan: plan.samples):
        if packed[-1] and (len(packed[-1]) + 1) * plan.samples > samples:
            packed.append([])
        packed[-1].append(plan)
    return packed


def _assemble(speech: Speech, plan: _Plan, noise: np.random.Generator) -> NDArray[np.float32]:
    if not plan.parts:
        return wordless_sound(plan.samples, noise)
    pieces = [np.zeros(plan.silences[0], dtype=np.float32)]
    for index, silence in zip(plan.parts, plan.silences[1:], strict=True):
        pieces += [speech.audio(index), np.zeros(silence, dtype=np.float32)]
    return np.concatenate(pieces)[: plan.samples]


def _change_speed(wave: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    return np.asarray(soxr.resample(wave, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ"), dtype=np.float32)


def _target(speech: Speech, plan: _Plan) -> Target:
    characters: list[int] = []
    german: list[str] = []
    start = plan.silences[0] if plan.parts else 0
    for index, silence in zip(plan.parts, plan.silences[1:], strict=True):
        example = speech.examples[index]
        end = start + example.length
        if not plan.cut or plan.samples >= end:
            said, known = encode_characters(example.english), example.german
        elif plan.samples > start:
            said, known = text_until(example.english, example.german, speech.timings[index], plan.samples - start)
        else:
            break
        if characters and said:
            characters.append(ALPHABET.index(" "))
        characters += said
        german.append(known)
        start = end + silence
    return characters, " ".join(filter(None, german))
