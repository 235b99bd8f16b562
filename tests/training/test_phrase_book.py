"""The phrase book: what it draws is well formed, unambiguous and cleanly split."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.phrase_book.book import ALLOWED, canonical
from s2t2_live.training.phrase_book.english import TENS, UNITS
from s2t2_live.training.phrase_book.german import WORDS

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
            assert not re.search(r"  | [.,?!]|[.,?!]{2}", text), phrase
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
    numbers = set(UNITS) | set(TENS) | set(WORDS)
    for phrase in trained:
        for text in (phrase.english, phrase.german):
            doubled = re.search(r"\b(\w+) \1\b", text)
            assert doubled is None or doubled[1] in numbers or doubled[1].isdigit(), phrase


def test_held_out_words_are_trained(trained: list[Phrase], held_out: list[Phrase]) -> None:
    seen = {word for phrase in trained for word in canonical(phrase.english).split()}
    words = [word for phrase in held_out for word in canonical(phrase.english).split()]
    assert sum(word not in seen for word in words) < len(words) / 200


def test_every_topic_is_drawn_often(trained: list[Phrase], book: PhraseBook) -> None:
    topics = {template.topic for template in book.all_templates() if template.topic}
    counts = Counter(phrase.topic for phrase in trained)
    assert topics <= counts.keys()
    assert min(counts[topic] for topic in topics) > DRAWS / 100


def test_the_grammar_is_broad(book: PhraseBook) -> None:
    words = {word for text in book.every_filler() for word in canonical(text).split()}
    assert len(words) > 2000


VARIETY = {
    "question": (r"\?$", 0.12),
    "negation": (r"\b(?:nicht|kein\w*|nie|niemand|nichts)\b", 0.08),
    "subordinate clause": (
        r", (?:dass|weil|wenn|ob|als|während|obwohl|bevor|nachdem|bis|damit|sobald|wo|was|der|die)\b",
        0.04,
    ),
    "perfect": (r"\b(?:habe|hat|haben|bin|ist|sind)\b.*\bge\w+[tn]\b", 0.07),
    "past": (r"\b(?:war|waren|hatte|hatten|wurde|konnte|musste|wollte)\b", 0.04),
    "future": (r"\b(?:werde|wird|werden)\b", 0.01),
    "modal verb": (r"\b(?:kann|können|könnte|muss|müssen|darf|soll|will|wollen|möchte)\w*\b", 0.06),
    "separable verb": (r" (?:ab|an|auf|aus|ein|mit|vor|zu|zurück|um|weg|los|her|hin)[.?!,]", 0.02),
    "comparative": (r"\w+er als\b|\bam \w+sten\b|\b(?:besser|lieber|mehr|größer|billiger|früher|später)\b", 0.03),
}
"""What German sentences show that they have, and the least share of the whole sentences that does."""


def test_the_sentences_are_many_and_varied(book: PhraseBook) -> None:
    sentences = book.sentences()
    assert len({canonical(phrase.english) for phrase in sentences}) > 3000
    topics = Counter(phrase.topic for phrase in sentences)
    assert len(topics) == 21
    assert min(topics.values()) > 150
    words = Counter(word for phrase in sentences for word in canonical(phrase.english).split())
    assert len(words) > 2000
    openings = Counter(" ".join(phrase.english.split()[:3]) for phrase in sentences)
    assert openings.most_common(1)[0][1] < len(sentences) / 50
    for name, (pattern, least) in VARIETY.items():
        share = sum(re.search(pattern, phrase.german) is not None for phrase in sentences) / len(sentences)
        assert share > least, name


def test_every_entry_can_be_drawn(book: PhraseBook) -> None:
    variants = [sides for template in book.all_templates() for sides in template.variants]
    inner = list(book.actions.sides.values())
    drawn = {id(entry) for sides in (*variants, *inner) for choice in sides.slots.choices for entry in choice.entries}
    lexicon = book.lexicon
    fitting = {
        word.key
        for sides in (*variants, *inner)
        for specification in sides.slots.specifications.values()
        if specification.startswith("@")
        for word in lexicon.adjectives.values()
        if word.fits
    }
    acting = {
        subject.key.split(" ", 1)[-1] for group in lexicon.subjects.values() for part, _ in group for subject in part
    }
    unreachable = [
        entry.key
        for table in (lexicon.nouns, lexicon.adjectives, lexicon.pairs, lexicon.verb_phrases)
        for entry in table.values()
        if id(entry) not in drawn and entry.key not in fitting and entry.key not in acting
    ]
    assert not unreachable


@pytest.mark.parametrize(
    ("article", "noun"),
    [
        (r"(?:einen|keinen|den|diesen|meinen)", r"(?:Brief|Schlüssel|Apfel|Termin)"),
        (r"(?:ein|kein|das|dieses|mein)", r"(?:Buch|Auto|Hemd|Fenster)"),
        (r"(?:eine|keine|die|diese|meine)", r"(?:Fahrkarte|Jacke|Suppe|Rechnung)"),
    ],
)
def test_articles_after_a_transitive_verb(trained: list[Phrase], article: str, noun: str) -> None:
    pattern = re.compile(rf"(?:[Ii]ch) (?:habe|suche|brauche|nehme) (\w+) {noun}\b")
    found = [match for phrase in trained if (match := pattern.search(phrase.german))]
    assert found
    for match in found:
        assert re.fullmatch(article + "|(?:Ihr|unser|sein|ihr|noch|nur|schon)(?:en|e)?", match[1]), match[0]


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        (r"abgebogen", r"\b(?:habe|hat|haben)\b"),
        (r"\bSorgen\b", r"\bmich\b"),
        (r"\bnach [A-Z]\w+ (?:fahren|gefahren)", r"\bFlugzeug\b"),
        (r"\blegen\b", r"\b(?:Glas|Vase|Tasse)\b"),
    ],
)
def test_what_does_not_go_together(trained: list[Phrase], word: str, wrong: str) -> None:
    found = [phrase for phrase in trained if re.search(word, phrase.german)]
    assert found
    assert not [phrase for phrase in found if re.search(wrong, phrase.german)]


def test_owners_are_the_same_in_both_languages(trained: list[Phrase], held_out: list[Phrase]) -> None:
    """A capital "Ihr" within the sentence is the listener's, so English must say "your"."""
    for phrase in trained + held_out:
        if re.search(r"(?<!^)\bIhr(?:e[mnrs]?)?\b", phrase.german):
            assert re.search(r"\byours?\b", phrase.english, re.IGNORECASE), phrase


def test_one_time_in_a_sentence(trained: list[Phrase]) -> None:
    """Verb phrases that say when take no second time."""
    times = r"yesterday|tomorrow|today|tonight|last \w+|next \w+|every \w+|on \w+day|in an hour|ago|at the moment|now"
    for phrase in trained:
        if re.search(r"twice a week|in the summer|oversle\w+ at the weekend|work\w* at night", phrase.english):
            assert not re.search(rf"\b(?:{times})\b", phrase.english), phrase


def test_negation_differs_in_one_place(book: PhraseBook) -> None:
    rng = random.Random(3)
    template = next(t for t in book.all_templates() if "[|very |not ]{y:mood}" in t.line.fields[0])
    plain, _, negated = template.variants
    for _ in range(50):
        fillers = plain.slots.draw(rng)
        assert fillers is not None
        assert negated.english(fillers).replace(" not ", " ") == plain.english(fillers)
        assert negated.german(fillers).replace(" nicht ", " ") == plain.german(fillers)
