"""Finding out when what was said: the CTC head says when each English letter came, a lexicon what stands for what.

Knows nothing of training. Forced alignment: the best path through the letters (Viterbi over the lattice of Graves et
al. 2006).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from s2t2_live.training.batches import EVALUATION_MARGIN, evaluation_batches
from s2t2_live.training.bpe import separate_punctuation
from s2t2_live.training.ctc import ALPHABET, encode_characters
from s2t2_live.training.lexicon import Lexicon
from s2t2_live.training.loop import Trainer
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.speech import Example
from s2t2_live.training.timing import Timing, timing_path, write_timings

LEAST_SCORE = -3.0
"""Log-probability a character below which an alignment is a guess and is thrown away."""

LEANING = frozenset(
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner mein meine meinen "
    "meinem meiner dein deine deinen deinem deiner sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer unser "
    "unsere unseren unserem unserer euer eure zum zur im am beim vom ins ans in an auf mit nach bei von zu aus für um "
    "vor über unter neben zwischen hinter gegen durch ohne seit bis dieser diese dieses diesen diesem welcher welche "
    "welches welchen nicht".split()
)
"""German words that lean on the next one: without it nobody knows their gender and case, or whether they come."""


def align_shards(trainer: Trainer, folder: Path, *, progress: bool = True) -> tuple[int, int]:
    """Write the timings of every shard of the folder that has none yet, the newest shard first.

    Returns how many utterances were aligned and how many could not be.
    """
    names = [index.stem for index in sorted(folder.glob("*.jsonl"), reverse=True)]
    pending = [name for name in names if not timing_path(folder, name).exists()]
    lexicon = learn_lexicon(SpeechShards(folder).examples)
    aligned = failed = 0
    bar = tqdm(pending, unit="shard", desc="alignment", disable=not progress, file=sys.stderr)
    for name in bar:
        timings = align_shard(trainer, SpeechShards(folder, name), lexicon)
        write_timings(timing_path(folder, name), timings)
        failed += timings.count(None)
        aligned += len(timings) - timings.count(None)
    return aligned, failed


def learn_lexicon(examples: Sequence[Example]) -> Lexicon:
    """Of the distinct sentence pairs."""
    pairs = dict.fromkeys((example.english, example.german) for example in examples)
    return Lexicon((english_words(english), german_words(german)) for english, german in pairs)


def english_words(english: str) -> list[str]:
    """The words as the CTC head spells them."""
    return "".join(ALPHABET[character] for character in encode_characters(english)).split()


def german_words(german: str) -> list[str]:
    """The words and punctuation marks in lower case, one spelling for the beginning of a sentence and its middle."""
    return separate_punctuation(german).lower().split()


@torch.inference_mode()
def align_shard(trainer: Trainer, speech: SpeechShards, lexicon: Lexicon) -> list[Timing | None]:
    """The timing of every utterance."""
    trainer.model.eval()
    timings: list[Timing | None] = [None] * len(speech)
    for batch, indices in evaluation_batches(speech, trainer.text, seconds=trainer.settings.batches.seconds):
        audio = trainer.ears(batch.audio.to(trainer.device), batch.lengths)
        mask = torch.arange(audio.shape[1]) < batch.lengths[:, None]
        output = trainer.model.encoder(audio, attention_mask=mask.long().to(trainer.device), return_dict=True)
        scores = trainer.ctc(trainer.model.project(output.last_hidden_state)).cpu()
        frames = trainer.model.encoder.frame_lengths(batch.lengths) * trainer.ctc.subframes
        targets = torch.split(batch.characters, batch.character_lengths.tolist())
        samples = frame_stride(trainer.model.config.encoder.conv_stride) // trainer.ctc.subframes
        for index, ends, score in zip(indices, *forced_alignment(scores, frames, targets), strict=True):
            example = speech.examples[index]
            if score > LEAST_SCORE * len(ends) and len(ends):
                # The batches have silence before the speech; a letter ends where its last frame does.
                said = np.clip(ends * samples - EVALUATION_MARGIN, 0, example.length).astype(np.int32)
                timings[index] = Timing(said, known_from(example, said, lexicon))
    return timings


def frame_stride(strides: Sequence[int]) -> int:
    """Samples from one encoder state to the next."""
    return int(np.prod(strides))


def known_from(example: Example, said: NDArray[np.int32], lexicon: Lexicon) -> NDArray[np.int32]:
    """From when on each German word is known: when it, and every word before it, has been said in English."""
    letters = encode_characters(example.english)
    # A word ends with the letter before a space, and with the last.
    last = [i for i in range(len(letters)) if i + 1 == len(letters) or letters[i + 1] == ALPHABET.index(" ")]
    word_ends = said[last]
    german = german_words(example.german)
    links = lexicon.align(english_words(example.english), german)
    for index, link in enumerate(links):
        # A number in digits stands for all the words up to the next one that stands for something.
        while link is not None and german[index][0].isdigit() and link + 1 < len(word_ends) and link + 1 not in links:
            link += 1
            links[index] = link
    known = np.array([0 if link is None else word_ends[link] for link in links], dtype=np.int32)
    for index in range(len(german) - 2, -1, -1):
        if links[index] is None or german[index] in LEANING:
            known[index] = max(known[index], known[index + 1])
    return np.maximum.accumulate(known)


def forced_alignment(
    scores: Tensor, frames: Tensor, targets: Sequence[Tensor]
) -> tuple[list[NDArray[np.int64]], list[float]]:
    """The best path through each target.

    Args:
        scores: (batch, frames, alphabet), log-probabilities, blank at index 0.
        frames: (batch,), valid frames of each.
        targets: for each the indices of its characters.

    Returns for each the frame after the last one of every character, and the log-probability of the path; minus
    infinity where the characters do not fit into the frames.
    """
    batch, longest = len(targets), max(map(len, targets))
    states = torch.zeros(batch, 2 * longest + 1, dtype=torch.int64)
    for row, target in zip(states, targets, strict=True):
        row[1 : 2 * len(target) : 2] = target
    # From one character straight to the next, over the blank between them: only if they differ.
    may_skip = torch.zeros(states.shape, dtype=torch.bool)
    may_skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    emissions = scores.gather(2, states[:, None, :].expand(-1, scores.shape[1], -1))
    never = torch.full((batch, 2), -torch.inf)
    best = torch.full(states.shape, -torch.inf)
    best[:, :2] = emissions[:, 0, :2]
    steps = torch.zeros((scores.shape[1], *states.shape), dtype=torch.int8)
    totals = best.clone()
    for frame in range(1, scores.shape[1]):
        ways = torch.stack(
            (
                best,
                torch.cat((never[:, :1], best[:, :-1]), 1),
                torch.where(may_skip, torch.cat((never, best[:, :-2]), 1), -torch.inf),
            )
        )
        best, step = ways.max(0)
        best = best + emissions[:, frame]
        steps[frame] = step
        totals = torch.where((frame < frames)[:, None], best, totals)
    return _trace(totals.numpy(), steps.numpy(), frames.tolist(), [len(target) for target in targets])


def _trace(
    totals: NDArray[np.float32], steps: NDArray[np.int8], frames: Sequence[int], counts: Sequence[int]
) -> tuple[list[NDArray[np.int64]], list[float]]:
    """Follow the steps back from the better of the two last states: the last character and the blank after it."""
    ends: list[NDArray[np.int64]] = []
    scores: list[float] = []
    for row, count in enumerate(counts):
        state = 2 * count
        if count and totals[row, state - 1] > totals[row, state]:
            state -= 1
        scores.append(float(totals[row, state]))
        end = np.zeros(count, dtype=np.int64)
        for frame in range(frames[row] - 1, -1, -1):
            if state % 2 and not end[state // 2]:
                end[state // 2] = frame + 1
            state -= int(steps[frame, row, state])
        ends.append(end)
    return ends, scores
