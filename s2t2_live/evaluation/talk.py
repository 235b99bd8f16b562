"""A talk to measure latency with: held-out sentences of the phrase book, spoken one after the other. Knows no model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.recordings import ROOM_DB
from s2t2_live.training.synthesis import draw, stable_random
from s2t2_live.training.voices import DEBIAN_VOICES, RESERVED_VOICES, Utterance, speak

PARAGRAPH = 5
"""Sentences that one voice says before the next one goes on."""
BREATH = (0.5, 1.1)
"""Seconds between two sentences, drawn evenly from this range."""
BREAK = (1.2, 2.0)
"""Seconds between two paragraphs."""
SAMPLE = 40
"""Sentences that tell one talk from another: the others follow from the same draw."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, and when."""

    english: str
    german: str
    voice: str
    start: float
    """Seconds from the beginning of the talk."""
    duration: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A recording with its sentences, in a folder, with the files that simulstream wants to know them from."""

    audio: Path
    """WAV, mono, 16 bit, `SAMPLE_RATE`."""
    sentences: Sequence[Sentence]

    @property
    def references(self) -> Path:
        """One German sentence a line."""
        return self.audio.with_suffix(".de.txt")

    @property
    def definition(self) -> Path:
        """When each of them is said; JSON, which YAML readers read."""
        return self.audio.with_suffix(".yaml")

    def samples(self) -> NDArray[np.float32]:
        """All of it, shape (n,)."""
        samples: NDArray[np.float32] = soundfile.read(self.audio, dtype="float32")[0]
        return samples


def make_talk(
    book: PhraseBook, folder: Path, *, seconds: float, topics: Collection[str] = (), rehearsal: bool = False
) -> Talk:
    """The talk of at least so many seconds, by the voices that are reserved for evaluation; made once.

    A rehearsal is another one, by voices of the training: settings are chosen on it, so that the talk itself has not
    seen them. It depends on the arguments and the phrase book alone. Raises SynthesisError where a synthesiser is
    missing, UsageError where nothing is held out of the topics.
    """
    voices, seed = (DEBIAN_VOICES, "rehearsal") if rehearsal else (RESERVED_VOICES, "talk")
    sample = [phrase.english for phrase in islice(_phrases(book, topics, seed), SAMPLE)]
    key = json.dumps([seconds, sorted(topics), sample], ensure_ascii=False)
    audio = folder / f"talk-{hashlib.sha256(key.encode()).hexdigest()[:12]}.wav"
    listing = audio.with_suffix(".json")
    if listing.exists():
        return Talk(audio, [Sentence(**item) for item in json.loads(listing.read_text("utf-8"))])
    rng = stable_random("pauses")
    phrases = _phrases(book, topics, seed)
    pieces: list[NDArray[np.float32]] = [np.zeros(SAMPLE_RATE, dtype=np.float32)]
    sentences: list[Sentence] = []
    position = SAMPLE_RATE
    for voice in cycle(voices):
        paragraph = list(islice(phrases, PARAGRAPH))
        spoken = speak([Utterance(voice, phrase.english) for phrase in paragraph])
        for phrase, sound in zip(paragraph, spoken, strict=True):
            start, duration = position / SAMPLE_RATE, len(sound) / SAMPLE_RATE
            sentences.append(Sentence(phrase.english, phrase.german, str(voice), start, duration))
            pause = round(rng.uniform(*(BREAK if phrase is paragraph[-1] else BREATH)) * SAMPLE_RATE)
            pieces += [sound.astype(np.float32) / np.float32(32768), np.zeros(pause, dtype=np.float32)]
            position += len(sound) + pause
        if position >= seconds * SAMPLE_RATE:
            break
    whole = np.concatenate(pieces)
    whole += np.random.default_rng(0).normal(0, 10 ** (ROOM_DB / 20), len(whole)).astype(np.float32)
    talk = Talk(audio, sentences)
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(audio, whole, SAMPLE_RATE, subtype="PCM_16")
    talk.references.write_text("".join(f"{sentence.german}\n" for sentence in sentences), encoding="utf-8")
    entries = [{"wav": audio.name, "offset": item.start, "duration": item.duration} for item in sentences]
    talk.definition.write_text(json.dumps(entries), encoding="utf-8")
    # Written last: a talk that was interrupted does not exist.
    listing.write_text(json.dumps([asdict(item) for item in sentences], ensure_ascii=False), encoding="utf-8")
    return talk


def _phrases(book: PhraseBook, topics: Collection[str], seed: str) -> Iterator[Phrase]:
    """Held-out phrases of these topics, for ever the same ones for a seed, none of them twice."""
    rng = stable_random(seed)
    known: set[str] = set()
    while True:
        phrase = draw(book, rng, "heldout", topics)
        if phrase.english not in known:
            known.add(phrase.english)
            yield phrase
