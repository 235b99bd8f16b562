"""Who acts in a sentence: pronouns, and noun phrases and names that stand for persons."""

from __future__ import annotations

from dataclasses import dataclass

from s2t2_live.training.phrase_book.english import EnglishPerson
from s2t2_live.training.phrase_book.entries import Noun
from s2t2_live.training.phrase_book.german import Case, Gender, GermanPerson, noun_phrase


@dataclass(frozen=True, slots=True)
class Subject:
    """Who acts: the forms of a pronoun or of a noun phrase that stands for a person."""

    key: str
    english: str
    english_object: str
    english_possessive: str
    english_person: EnglishPerson
    german: tuple[str, str, str]
    german_possessive: str
    reflexive: tuple[str, str]
    german_person: GermanPerson
    pronoun: bool


PRONOUNS: dict[str, Subject] = {
    "I": Subject("I", "I", "me", "my", "I", ("ich", "mich", "mir"), "mein", ("mich", "mir"), "ich", True),
    "you": Subject("you", "you", "you", "your", "they", ("Sie", "Sie", "Ihnen"), "Ihr", ("sich",) * 2, "sie", True),
    "he": Subject("he", "he", "him", "his", "he", ("er", "ihn", "ihm"), "sein", ("sich",) * 2, "er", True),
    "she": Subject("she", "she", "her", "her", "he", ("sie", "sie", "ihr"), "ihr", ("sich",) * 2, "er", True),
    "we": Subject("we", "we", "us", "our", "they", ("wir", "uns", "uns"), "unser", ("uns",) * 2, "sie", True),
    "they": Subject(
        "they", "they", "them", "their", "they", ("sie", "sie", "ihnen"), "ihr", ("sich",) * 2, "sie", True
    ),
}
GERMAN_DETERMINER = {"my": "mein", "your": "Ihr", "our": "unser", "the": "der", "his": "sein", "her": "ihr"}
OBJECT_CASES: tuple[Case, ...] = ("nom", "akk", "dat")


def noun_subject(determiner: str, noun: Noun, many: bool) -> Subject:
    """A noun phrase such as "my sister"; the gender of the German noun decides between "his" and "her"."""
    gender: Gender = noun.german.agreement(many)
    plural_english = many or noun.kind == "plural"
    english = f"{determiner} {noun.plural if many else noun.singular}"
    german = [noun_phrase(noun.german, GERMAN_DETERMINER[determiner], (), case, many) for case in OBJECT_CASES]
    likeness = PRONOUNS["they" if plural_english else "she" if gender == "f" else "he"]
    return Subject(
        english,
        english,
        english,
        likeness.english_possessive,
        likeness.english_person,
        (german[0], german[1], german[2]),
        likeness.german_possessive,
        ("sich", "sich"),
        "sie" if gender == "pl" else "er",
        False,
    )


def named_subject(name: str, gender: Gender) -> Subject:
    """A person's name, the same in all cases."""
    likeness = PRONOUNS["she" if gender == "f" else "he"]
    return Subject(
        name,
        name,
        name,
        likeness.english_possessive,
        "he",
        (name, name, name),
        likeness.german_possessive,
        ("sich", "sich"),
        "er",
        False,
    )
