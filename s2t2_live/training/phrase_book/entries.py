"""The entries of the lexicon: nouns, adjectives, fixed pairs and verb phrases, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from s2t2_live.training.phrase_book.english import EnglishVerb
from s2t2_live.training.phrase_book.german import PERSONAL, Case, GermanNoun, GermanVerb
from s2t2_live.training.phrase_book.table import Line


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun in both languages. `kind` is how English counts it: "count", "mass" or "plural" (scissors)."""

    key: str
    singular: str
    plural: str
    kind: str
    german: GermanNoun
    classes: frozenset[str]

    @property
    def pluralizable(self) -> bool:
        return self.kind == "count" and bool(self.german.plural)


@dataclass(frozen=True, slots=True)
class Adjective:
    """An adjective with its degrees; the German positive is undeclined, `stem` takes endings ("!" marks none)."""

    key: str
    degrees: tuple[str, str, str]
    german: tuple[str, str, str]
    stem: str
    classes: frozenset[str]
    fits: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A fixed phrase in both languages, such as a time expression or a city.

    The class `needs:far` demands that a verb phrase in the same sentence be of the class far, `bars:early` that it
    be not of the class early.
    """

    key: str
    english: str
    german: str
    classes: frozenset[str]
    needs: frozenset[str]
    bars: frozenset[str]


@dataclass(frozen=True, slots=True)
class VerbPhrase:
    """A verb with its object or complement; the texts still hold slots."""

    key: str
    topic: str
    classes: frozenset[str]
    verb: EnglishVerb
    rest: str
    german_verb: GermanVerb
    reflexive: str
    middle: str
    negated: str
    line: Line


Entry = Noun | Adjective | Pair | VerbPhrase


def pronoun_of(noun: Noun, plural_form: bool, case: Case) -> str:
    """The German personal pronoun that stands for a noun."""
    return PERSONAL[noun.german.agreement(plural_form)][("nom", "akk", "dat").index(case)]
