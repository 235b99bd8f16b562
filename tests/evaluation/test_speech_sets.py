"""The sets that quality is measured on: broad, well written, and nowhere in the training text."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from s2t2_live.assets import asset
from s2t2_live.evaluation.speech_sets import (
    development_sentences,
    far_sentences,
    held_out_phrases,
    known_sentences,
    natural_sentences,
    reserved,
    speak_set,
    spread,
)
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.phrase_book.book import ALLOWED, canonical
from s2t2_live.training.voices import DEBIAN_VOICES, RESERVED_VOICES, SynthesisError

DRAWS = 10_000
Words = tuple[str, ...]


@pytest.fixture(scope="module")
def book() -> PhraseBook:
    return PhraseBook.load(asset("phrase_book"))


@pytest.fixture(scope="module")
def trained(book: PhraseBook) -> set[Words]:
    """All whole sentences and many draws of the grammar."""
    rng = random.Random(21)
    drawn = [book.sample(rng, "train") for _ in range(DRAWS)]
    return {tuple(canonical(phrase.english).split()) for phrase in (*book.sentences(), *drawn)}


def edits(length: int) -> int:
    """How many words of a sentence may differ in a near copy of it: a fifth."""
    return max(1, length // 5)


def without(words: Words, count: int) -> Iterator[Words]:
    """The words without up to `count` of them."""
    for left_out in range(min(count, len(words)) + 1):
        yield from itertools.combinations(words, len(words) - left_out)


def runs(words: Words, count: int) -> list[Words]:
    """Every `count` words in a row."""
    return [words[start : start + count] for start in range(len(words) - count + 1)]


def distance(one: Words, other: Words) -> int:
    """Words to insert, delete or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, another in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != another))
    return row[-1]


def words(phrase: Phrase) -> Words:
    return tuple(canonical(phrase.english).split())


def near_copies(sentences: set[Words], texts: set[Words]) -> list[tuple[Words, Words]]:
    """Pairs of a sentence and a text that differ in no more words than `edits`, or one of which holds the other."""
    found = []
    remains: dict[Words, set[Words]] = {}
    for sentence in sentences:
        for rest in without(sentence, edits(len(sentence))):
            remains.setdefault(rest, set()).add(sentence)
    most = max(edits(len(sentence)) for sentence in sentences)
    for text in texts:
        candidates = set().union(*(remains.get(rest, ()) for rest in without(text, most)))
        found += [(one, text) for one in candidates if distance(one, text) <= edits(len(one))]
    parts = {part: text for text in texts for n in range(4, 17) for part in runs(text, n)}
    found += [(sentence, parts[sentence]) for sentence in sentences if sentence in parts]
    for sentence in sentences:
        for n in range(max(4, len(sentence) - 2), len(sentence)):
            found += [(sentence, part) for part in runs(sentence, n) if part in texts]
    return found


def test_near_copies_are_found() -> None:
    text = ("the", "train", "to", "rome", "leaves", "at", "nine")
    assert near_copies({text}, {text})
    assert near_copies({text}, {("the", "bus", *text[1:])})
    assert near_copies({text}, {(*text[:3], "paris", *text[4:])})
    assert near_copies({text}, {("i", "think", *text, "sharp")})
    assert near_copies({text}, {text[:-2]})
    assert not near_copies({text}, {("the", "train", "to", "paris", "leaves", "at", "ten")})


WRITTEN = pytest.mark.parametrize("written", [natural_sentences, development_sentences])


@WRITTEN
def test_no_written_sentence_is_nearly_in_the_training_text(
    written: Callable[[], list[Phrase]], trained: set[Words]
) -> None:
    assert near_copies({words(phrase) for phrase in written()}, trained) == []


def test_checkpoints_are_not_chosen_by_what_is_reported() -> None:
    reported = {words(phrase) for phrase in natural_sentences()}
    assert near_copies({words(phrase) for phrase in development_sentences()}, reported) == []


@WRITTEN
def test_written_sentences_are_broad(written: Callable[[], list[Phrase]], book: PhraseBook) -> None:
    phrases = written()
    assert len({canonical(phrase.english) for phrase in phrases}) == len(phrases) >= 168
    topics = Counter(phrase.topic for phrase in phrases)
    assert topics.keys() == {phrase.topic for phrase in book.sentences()}
    assert min(topics.values()) >= 8
    openings = Counter(" ".join(phrase.english.split()[:2]) for phrase in phrases)
    assert openings.most_common(1)[0][1] <= 8


@WRITTEN
def test_written_sentences_are_well_written(written: Callable[[], list[Phrase]]) -> None:
    for phrase in written():
        for text in (phrase.english, phrase.german):
            assert ALLOWED.fullmatch(text), phrase
            assert text[0].isupper(), phrase
            assert text[-1] in ".?!", phrase
            assert not re.search(r"  | [.,?!]|[.,?!]{2}", text), phrase
        assert phrase.english[-1] == phrase.german[-1], phrase


def test_the_words_of_natural_sentences_are_those_of_the_phrase_book(book: PhraseBook) -> None:
    words = [word for phrase in natural_sentences() for word in canonical(phrase.english).split()]
    known = {word for text in book.every_filler() for word in canonical(text).split()}
    known |= {word for phrase in book.sentences() for word in canonical(phrase.english).split()}
    assert sum(word not in known for word in words) < len(words) / 200


def test_far_sentences_share_no_topic_and_have_far_words(book: PhraseBook) -> None:
    fit, measure = far_sentences("fit"), far_sentences("measure")
    assert len(fit) >= 50 <= len(measure)
    assert {phrase.topic for phrase in fit}.isdisjoint(phrase.topic for phrase in measure)
    known = book.english_words()
    shares = []
    for phrase in (*fit, *measure):
        words = canonical(phrase.english).split()
        shares.append(sum(word not in known for word in words) / len(words))
        assert shares[-1] > 0, phrase
    assert sum(shares) / len(shares) > 1 / 4


def test_held_out_phrases_go_on_where_the_first_ones_end(book: PhraseBook) -> None:
    phrases = held_out_phrases(book, 30)
    assert held_out_phrases(book, 10, skip=20) == phrases[20:]
    left = held_out_phrases(book, 30, known={phrases[0].english})
    assert left[:29] == phrases[1:]


def test_voices_of_the_sets(book: PhraseBook) -> None:
    phrases = natural_sentences()
    assert reserved(phrases) == dict.fromkeys(RESERVED_VOICES, phrases)
    groups = spread(phrases, copies=2)
    assert groups.keys() <= set(DEBIAN_VOICES)
    assert sum(map(len, groups.values())) == 400
    assert groups == spread(phrases, copies=2)


def test_without_training_speech_nothing_is_known(tmp_path: Path) -> None:
    assert known_sentences(tmp_path / "speech") == set()


def test_a_set_without_its_synthesisers_is_told_before_anything_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SynthesisError, match="flite are not installed; on Debian: sudo apt-get install -y"):
        speak_set(tmp_path / "cache", "natural", reserved(natural_sentences()), workers=1)
    assert not (tmp_path / "cache").exists()
