"""The sets that quality is measured on: texts, and synthetic voices that speak them into a cache. Knows no model.

What is spoken depends on nothing but the texts and the voices; a set that is in the cache is not spoken again.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from s2t2_live.assets import asset
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.shards import SpeechShards, write_shard
from s2t2_live.training.synthesis import in_parallel, stable_random
from s2t2_live.training.voices import DEBIAN_VOICES, RESERVED_VOICES, Voice, check_installed


def natural_sentences() -> list[Phrase]:
    """Everyday sentences with German references that were written for the measurement alone."""
    return [Phrase(row["english"], row["german"], row["topic"], "heldout") for row in _rows("natural")]


def development_sentences() -> list[Phrase]:
    """The like of them, to choose checkpoints by: no figure that is reported is measured on these."""
    return [Phrase(row["english"], row["german"], row["topic"], "heldout") for row in _rows("development")]


def far_sentences(use: Literal["fit", "measure"]) -> list[Phrase]:
    """Sentences of topics that the phrase book does not have, without translations; the two uses share no topic."""
    return [Phrase(row["english"], "", row["topic"], "heldout") for row in _rows("far") if row["use"] == use]


def held_out_phrases(book: PhraseBook, count: int, *, known: Collection[str] = (), skip: int = 0) -> list[Phrase]:
    """`count` phrases of the held-out part of the grammar after the first `skip`, always the same ones.

    English sentences in `known` are left out: those that training has heard, should the grammar have changed since.
    """
    rng = stable_random("evaluation")
    chosen: dict[str, Phrase] = {}
    while len(chosen) < skip + count:
        phrase = book.sample(rng, "heldout")
        if phrase.english not in known:
            chosen.setdefault(phrase.english, phrase)
    return list(itertools.islice(chosen.values(), skip, None))


def known_sentences(speech: Path) -> set[str]:
    """The English sentences that training has heard, where its shards are there."""
    return {example.english for example in SpeechShards(speech).examples} if speech.is_dir() else set()


def spread(phrases: Sequence[Phrase], *, copies: int = 1) -> dict[Voice, list[Phrase]]:
    """Each phrase for `copies` of the voices of Debian that training hears, drawn by weight."""
    rng = stable_random("spread", copies)
    weights = [voice.weight for voice in DEBIAN_VOICES]
    groups: dict[Voice, list[Phrase]] = {}
    for phrase in phrases:
        for voice in rng.choices(DEBIAN_VOICES, weights, k=copies):
            groups.setdefault(voice, []).append(phrase)
    return groups


def reserved(phrases: Sequence[Phrase]) -> dict[Voice, list[Phrase]]:
    """Each phrase for every reserved voice."""
    return {voice: list(phrases) for voice in RESERVED_VOICES}


def speak_set(folder: Path, name: str, groups: dict[Voice, list[Phrase]], *, workers: int) -> SpeechShards:
    """The speech of a set, from the cache `folder` or spoken into it now.

    Raises SynthesisError, naming the Debian packages, when a synthesiser or a voice is missing.
    """
    said = [(str(voice), [phrase.english for phrase in phrases]) for voice, phrases in groups.items()]
    shard = f"{name}-{hashlib.blake2b(repr(said).encode(), digest_size=4).hexdigest()}"
    count = sum(len(phrases) for phrases in groups.values())
    if not (folder / f"{shard}.jsonl").exists():
        check_installed(groups)
        with (
            ProcessPoolExecutor(workers) as pool,
            tqdm(total=count, unit="phrase", desc=f"speaking {name}") as bar,
        ):
            write_shard(folder, shard, in_parallel(pool, groups, name, bar))
    return SpeechShards(folder, shard)


def _rows(name: str) -> list[dict[str, str]]:
    with asset(f"evaluation/{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
