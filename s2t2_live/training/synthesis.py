"""From the phrase book to shards of speech, in parallel and resumable. Knows no model."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from s2t2_live.errors import UsageError
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.shards import write_shard
from s2t2_live.training.voices import (
    DEBIAN_VOICES,
    RESERVED_VOICES,
    TRAINING_VOICES,
    Utterance,
    Voice,
    check_installed,
    is_installed,
    random_delivery,
    speak,
)

SHARD_SIZE = 400
"""Utterances a shard."""
MOST_TRIES = 5_000
"""Draws after which what has not come up does not come any more; every topic of the book comes once in a hundred."""

SpokenPhrase = tuple[NDArray[np.int16], str, str, str, str]


def stable_random(*parts: object) -> random.Random:
    """A generator that depends on nothing but `parts`."""
    return random.Random(hashlib.sha256(repr(parts).encode()).digest())


def speak_phrases(phrases: Sequence[Phrase], voice: Voice, seed: str) -> list[SpokenPhrase]:
    """Have one voice say all phrases. Runs in a worker process.

    A training voice changes its pace, pitch and variant from phrase to phrase, a reserved one speaks as it is. Raises
    SynthesisError for a phrase that it cannot say.
    """
    rng = stable_random(seed, str(voice))
    if voice in RESERVED_VOICES:
        utterances = [Utterance(voice, phrase.english) for phrase in phrases]
    else:
        utterances = [random_delivery(voice, phrase.english, rng) for phrase in phrases]
    return [
        (samples, phrase.english, phrase.german, phrase.topic, str(voice))
        for samples, phrase in zip(speak(utterances), phrases, strict=True)
    ]


def draw(book: PhraseBook, rng: random.Random, split: Literal["train", "heldout"], topics: Collection[str]) -> Phrase:
    """A phrase of the grammar, of one of `topics` where some are given. Raises UsageError where they have none."""
    for _ in range(MOST_TRIES):
        phrase = book.sample(rng, split)
        if not topics or phrase.topic in topics:
            return phrase
    kind = "held-out phrases" if split == "heldout" else "phrases"
    raise UsageError(f"The grammar of the phrase book has no {kind} of {', '.join(topics)}; choose other topics.")


def check_topics(book: PhraseBook, topics: Collection[str], *, held_out: bool) -> None:
    """Raises UsageError for a topic that there is not, and where phrases are to be held out but none can be."""
    for topic in topics:
        if topic not in book.topics:
            raise UsageError(f'There is no topic "{topic}"; there are {", ".join(sorted(book.topics))}.')
    if held_out and topics and book.grammar_topics.isdisjoint(topics):
        raise UsageError(
            f"Nothing is held out of {', '.join(topics)}, which have whole sentences alone; "
            f"add one of {', '.join(sorted(book.grammar_topics))}."
        )


def synthesize_training(
    book: PhraseBook,
    folder: Path,
    *,
    shards: range,
    sentence_share: float = 0.5,
    topics: Collection[str] = (),
    workers: int,
    progress: bool = True,
) -> None:
    """Write the numbered training shards that are not there yet.

    Each shard has `SHARD_SIZE` phrases: `sentence_share` of them whole sentences of the book, each once before one
    comes again, the others drawn from its grammar (training part only). They are spread over the training voices by
    weight; over those of Pico too, where it is installed. Only of `topics` where some are given; if those are in the
    sentences alone, or in the grammar alone, all phrases come from there. Raises UsageError for an unknown topic,
    SynthesisError when a synthesiser is missing or cannot say a phrase; that shard then is not there.
    """
    check_topics(book, topics, held_out=False)
    voices = TRAINING_VOICES if is_installed("pico") else DEBIAN_VOICES
    weights = [voice.weight for voice in voices]
    sentences = [phrase for phrase in book.sentences() if not topics or phrase.topic in topics]
    stable_random("sentences").shuffle(sentences)
    if topics and book.grammar_topics.isdisjoint(topics):
        sentence_share = 1.0
    whole = round(SHARD_SIZE * sentence_share) if sentences else 0
    pending = [number for number in shards if not (folder / f"{number:05}.jsonl").exists()]
    if pending:
        check_installed(voices)
    with (
        ProcessPoolExecutor(workers) as pool,
        tqdm(total=len(pending) * SHARD_SIZE, unit="phrase", disable=not progress, desc="speech") as bar,
    ):
        for number in pending:
            rng = stable_random("training", number)
            groups: dict[Voice, list[Phrase]] = {}
            written = [sentences[(number * whole + i) % len(sentences)] for i in range(whole)]
            drawn = [draw(book, rng, "train", topics) for _ in range(SHARD_SIZE - whole)]
            speakers = rng.choices(voices, weights, k=SHARD_SIZE)
            for voice, phrase in zip(speakers, written + drawn, strict=True):
                groups.setdefault(voice, []).append(phrase)
            write_shard(folder, f"{number:05}", in_parallel(pool, groups, f"training {number}", bar))


def synthesize_evaluation(
    book: PhraseBook,
    folder: Path,
    *,
    phrases: int,
    workers: int,
    voices: Literal["heard", "reserved"],
    known: Collection[str] = (),
    topics: Collection[str] = (),
) -> None:
    """Write shards of held-out phrases: `reserved` has one a voice, `heard` one over Debian's training voices.

    English sentences in `known` are left out: those that training has heard, should the grammar have changed since.
    Raises UsageError for an unknown topic, and where there are not so many phrases; SynthesisError when a synthesiser
    is missing or cannot say a phrase.
    """
    check_topics(book, topics, held_out=True)
    rng = stable_random("evaluation")
    chosen: dict[str, Phrase] = {}
    tries = 0
    while len(chosen) < phrases:
        phrase = draw(book, rng, "heldout", topics)
        tries += 1
        if phrase.english not in known and phrase.english not in chosen:
            chosen[phrase.english] = phrase
            tries = 0
        elif tries == MOST_TRIES:
            of = f" of {', '.join(topics)}" if topics else ""
            raise UsageError(f"There are only {len(chosen)} held-out phrases{of}, not {phrases}; ask for fewer.")
    check_installed(RESERVED_VOICES if voices == "reserved" else DEBIAN_VOICES)
    with ProcessPoolExecutor(workers) as pool:
        if voices == "reserved":
            for voice in RESERVED_VOICES:
                groups = {voice: list(chosen.values())}
                write_shard(folder, voice.name, in_parallel(pool, groups, f"evaluation {voice}", None))
        else:
            spread: dict[Voice, list[Phrase]] = {}
            for phrase in chosen.values():
                [voice] = rng.choices(DEBIAN_VOICES, [voice.weight for voice in DEBIAN_VOICES])
                spread.setdefault(voice, []).append(phrase)
            write_shard(folder, "heard", in_parallel(pool, spread, "evaluation heard", None))


def in_parallel(
    pool: ProcessPoolExecutor, groups: dict[Voice, list[Phrase]], seed: str, bar: tqdm | None
) -> Iterator[SpokenPhrase]:
    """Have every voice say its phrases, in jobs that keep every worker busy; yields the speech in a fixed order.

    Raises SynthesisError for a phrase that cannot be said.
    """
    jobs = [
        (phrases[first : first + 25], voice, f"{seed} {first}")
        for voice, phrases in groups.items()
        for first in range(0, len(phrases), 25)
    ]
    for spoken in pool.map(speak_phrases, *zip(*jobs, strict=True)):
        if bar is not None:
            bar.update(len(spoken))
        yield from spoken
