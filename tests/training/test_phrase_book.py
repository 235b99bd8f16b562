"""The phrase book: what it draws is well formed, unambiguous and cleanly split."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.phrase_book.book import ALLOWED, canonical

FOLDER = Path(__file__).parents[2] / "assets" / "phrase_book"
DRAWS = 30_000


@pytest.fixture(scope="module")
def book() -> PhraseBook:
    return PhraseBook.load(FOLDER)


@pytest.fixture(scope="module")
def trained(book: PhraseBook) -> list[Phrase]:
    rng = random.Random(11)
    return [book.sample(rng, "train") for _ in range(DRAWS)]


@pytest.fixture(scope="module")
def held_out(book: PhraseBook) -> list[Phrase]:
    rng = random.Random(12)
    return [book.sample(rng, "heldout") for _ in range(DRAWS // 10)]


def test_drawing_is_repeatable(book: PhraseBook) -> None:
    first = [book.sample(random.Random(5), "train") for _ in range(3)]
    assert first == [book.sample(random.Random(5), "train") for _ in range(3)]


def test_sentences_are_well_formed(trained: list[Phrase], held_out: list[Phrase]) -> None:
    for phrase in trained + held_out:
        for text in (phrase.english, phrase.german):
            assert ALLOWED.fullmatch(text), phrase
            assert text[0].isupper() or text[0].isdigit(), phrase
            assert text[-1] in ".?!", phrase
            assert "  " not in text and not re.search(r" [.,?!]|[.,?!]{2}", text), phrase
        assert phrase.english[-1] == phrase.german[-1], phrase
        assert 2 <= len(phrase.english.split()) <= 16, phrase


def test_english_has_one_translation(trained: list[Phrase], held_out: list[Phrase], book: PhraseBook) -> None:
    translations: dict[str, str] = {}
    for phrase in [*book.sentences(), *trained, *held_out]:
        assert translations.setdefault(canonical(phrase.english), phrase.german) == phrase.german, phrase


def test_no_held_out_sentence_is_trained(book: PhraseBook, trained: list[Phrase], held_out: list[Phrase]) -> None:
    seen = {canonical(phrase.english) for phrase in (*trained, *book.sentences())}
    assert seen.isdisjoint(canonical(phrase.english) for phrase in held_out)
    assert {phrase.split for phrase in trained} == {"train"}
    assert {phrase.split for phrase in held_out} == {"heldout"}


def test_no_word_stands_twice_in_a_row(trained: list[Phrase]) -> None:
    allowed = re.compile(r"\b(sie sie|die die|der der|zero|null|ten|twenty|eleven|twelve)\b", re.I)
    for phrase in trained:
        for text in (phrase.english, phrase.german):
            doubled = re.search(r"\b(\w+) \1\b", text)
            assert doubled is None or allowed.search(text), phrase
