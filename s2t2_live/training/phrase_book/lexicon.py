"""The words of the phrase book: nouns, adjectives, verbs, fixed pairs, subjects and verb phrases, read from text files.

Every file is a table with tabs between its columns; lines that start with "#" are comments. See the head of each
file for its columns. Knows nothing of templates and sampling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from s2t2_live.errors import SettingsError
from s2t2_live.training.phrase_book.english import EnglishPerson, EnglishVerb, plural
from s2t2_live.training.phrase_book.german import (
    ARTICLE_GENDER,
    PERSONAL,
    Case,
    GermanNoun,
    GermanPerson,
    GermanVerb,
    Gender,
    attributive,
    noun_phrase,
)

NEEDS = "needs:"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table with its place, for error messages."""

    file: Path
    number: int
    fields: tuple[str, ...]

    def error(self, cause: str) -> SettingsError:
        return SettingsError(f"{self.file}:{self.number}: {cause}")


def read_table(file: Path, columns: int, optional: int = 0) -> Iterator[Line]:
    """The lines of a table, which must have `columns` fields and may have up to `optional` more."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: the table cannot be read as UTF-8 text ({error})") from error
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        line = Line(file, number, tuple(part.strip() for part in re.split(r"\t+", raw.strip())))
        if not columns <= len(line.fields) <= columns + optional:
            raise line.error(f"expected {columns} columns separated by tabs, found {len(line.fields)}")
        yield line


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

    The class `needs:far` demands that a verb phrase in the same sentence be of the class far.
    """

    key: str
    english: str
    german: str
    classes: frozenset[str]
    needs: frozenset[str]


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


PRONOUNS: dict[str, Subject] = {
    "I": Subject("I", "I", "me", "my", "I", ("ich", "mich", "mir"), "mein", ("mich", "mir"), "ich", True),
    "you": Subject("you", "you", "you", "your", "they", ("Sie", "Sie", "Ihnen"), "Ihr", ("sich",) * 2, "sie", True),
    "he": Subject("he", "he", "him", "his", "he", ("er", "ihn", "ihm"), "sein", ("sich",) * 2, "er", True),
    "she": Subject("she", "she", "her", "her", "he", ("sie", "sie", "ihr"), "ihr", ("sich",) * 2, "er", True),
    "we": Subject("we", "we", "us", "our", "they", ("wir", "uns", "uns"), "unser", ("uns",) * 2, "sie", True),
    "they": Subject("they", "they", "them", "their", "they", ("sie", "sie", "ihnen"), "ihr", ("sich",) * 2, "sie", True),
}
GERMAN_DETERMINER = {"my": "mein", "your": "Ihr", "our": "unser", "the": "der", "his": "sein", "her": "ihr"}
OBJECT_CASES: tuple[Case, ...] = ("nom", "akk", "dat")


@dataclass(slots=True)
class Lexicon:
    """All words, by class."""

    nouns: dict[str, Noun] = field(default_factory=dict)
    adjectives: dict[str, Adjective] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    english_verbs: dict[str, EnglishVerb] = field(default_factory=dict)
    german_verbs: dict[str, GermanVerb] = field(default_factory=dict)
    verb_phrases: dict[str, VerbPhrase] = field(default_factory=dict)
    subjects: dict[str, list[tuple[list[Subject], int]]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Lexicon:
        """Read the tables of `folder`. Raises SettingsError, naming file and line, for whatever is malformed."""
        lexicon = cls()
        for line in read_table(folder / "nouns.tsv", 3):
            lexicon._add_noun(line)
        for line in read_table(folder / "adjectives.tsv", 4):
            lexicon._add_adjective(line)
        for line in read_table(folder / "pairs.tsv", 3):
            lexicon._add_pair(line)
        for line in read_table(folder / "english_verbs.tsv", 1, optional=3):
            verb = EnglishVerb.regular(*line.fields)
            if verb.base in lexicon.english_verbs:
                raise line.error(f'the verb "{verb.base}" stands here a second time')
            lexicon.english_verbs[verb.base] = verb
        for line in read_table(folder / "german_verbs.tsv", 1, optional=4):
            lexicon._add_german_verb(line)
        for line in read_table(folder / "verb_phrases.tsv", 4):
            lexicon._add_verb_phrase(line)
        for line in read_table(folder / "subjects.tsv", 2, optional=2):
            lexicon._add_subject(line)
        lexicon._check_classes(folder)
        return lexicon

    def _check_classes(self, folder: Path) -> None:
        tables = {
            "nouns": (set(self.nouns), *(noun.classes for noun in self.nouns.values())),
            "adjectives": tuple(word.classes for word in self.adjectives.values()),
            "pairs": tuple(pair.classes for pair in self.pairs.values()),
            "verb_phrases": tuple(phrase.classes for phrase in self.verb_phrases.values()),
            "subjects": (set(self.subjects),),
        }
        for noun in self.nouns.values():
            for name in noun.classes & self.nouns.keys() - {noun.key}:
                raise SettingsError(f'{folder}/nouns.tsv: "{name}" is both a noun and a class, that of "{noun.key}"')
        found: dict[str, str] = {}
        for table, classes in tables.items():
            for name in sorted(set().union(*classes)):
                if found.setdefault(name, table) != table:
                    raise SettingsError(f'{folder}: "{name}" is a class both in {found[name]}.tsv and in {table}.tsv')

    def members(self, name: str) -> list[Noun] | list[Adjective] | list[Pair] | list[VerbPhrase]:
        """Entries of one class, or the noun of that English name with "_" for spaces; empty if there is no such class."""
        if found := [noun for noun in self.nouns.values() if name in noun.classes or name.replace("_", " ") == noun.key]:
            return found
        if adjectives := [word for word in self.adjectives.values() if name in word.classes]:
            return adjectives
        if pairs := [pair for pair in self.pairs.values() if name in pair.classes]:
            return pairs
        return [phrase for phrase in self.verb_phrases.values() if name in phrase.classes]

    def english_verb(self, base: str) -> EnglishVerb:
        return self.english_verbs.get(base) or EnglishVerb.regular(base)

    def german_verb(self, infinitive: str) -> GermanVerb:
        """The verb by its infinitive with "|" after a separable prefix; forms come from the base verb where it is known."""
        if known := self.german_verbs.get(infinitive):
            return known
        prefix, _, base = infinitive.rpartition("|")
        if prefix and (simple := self.german_verbs.get(base)):
            return GermanVerb(
                prefix,
                base,
                simple.first,
                simple.third,
                simple.preterite,
                prefix + simple.participle,
                simple.auxiliary,
            )
        return GermanVerb.build(infinitive)

    def _add_noun(self, line: Line) -> None:
        english, german, classes = line.fields
        kind = "count"
        for mark in ("mass", "plural"):
            if english.endswith(f" !{mark}"):
                english, kind = english.removesuffix(f" !{mark}"), mark
        singular, _, given = english.partition(", ")
        match = re.fullmatch(r"(der|die|das|pl) ([^,]+?)(?:, ([^,]+))?(, weak)?", german)
        if match is None:
            raise line.error(f'"{german}" is not "der|die|das|pl Noun, Plural[, weak]"')
        article, word, german_plural, weak = match.groups()
        if german_plural == "-":
            german_plural = ""
        noun = Noun(
            singular,
            singular,
            given or (singular if kind != "count" else plural(singular)),
            kind,
            GermanNoun(word, word if article == "pl" else german_plural or "", ARTICLE_GENDER[article], bool(weak)),
            frozenset(classes.split()),
        )
        if singular in self.nouns:
            raise line.error(f'the noun "{singular}" stands here a second time')
        self.nouns[singular] = noun

    def _add_adjective(self, line: Line) -> None:
        english, german, classes, fits = line.fields
        degrees = english.split(", ")
        if len(degrees) == 1:
            degrees += [f"more {english}", f"most {english}"]
        fixed = german.endswith("!")
        forms = german.rstrip("!").split(", ")
        if len(forms) == 1:
            stem = attributive(forms[0])
            sibilant = re.search(r"([dtsßzx]|sch)e?$", forms[0]) and not forms[0].endswith(("isch", "end"))
            forms += [stem + "er", forms[0].removesuffix("e") + ("est" if sibilant else "st")]
        if len(degrees) != 3 or len(forms) != 3:
            raise line.error("an adjective has one form or all three degrees, separated by commas")
        if degrees[0] in self.adjectives:
            raise line.error(f'the adjective "{degrees[0]}" stands here a second time')
        self.adjectives[degrees[0]] = Adjective(
            degrees[0],
            (degrees[0], degrees[1], degrees[2]),
            (forms[0], forms[1], forms[2]),
            forms[0] + "!" if fixed else attributive(forms[0]),
            frozenset(classes.split()),
            frozenset(fits.split()) - {"-"},
        )

    def _add_pair(self, line: Line) -> None:
        classes, english, german = line.fields
        key = f"{classes.split()[0]} {english}"
        if key in self.pairs:
            raise line.error(f'"{english}" stands here a second time')
        names = frozenset(classes.split())
        needs = frozenset(name.removeprefix(NEEDS) for name in names if name.startswith(NEEDS))
        self.pairs[key] = Pair(key, english, german, frozenset(n for n in names if not n.startswith(NEEDS)), needs)

    def _add_german_verb(self, line: Line) -> None:
        infinitive = line.fields[0]
        if infinitive in self.german_verbs:
            raise line.error(f'the verb "{infinitive}" stands here a second time')
        given = tuple("" if part == "-" else part for part in line.fields[1:])
        self.german_verbs[infinitive] = GermanVerb.build(infinitive, *given)

    def _add_verb_phrase(self, line: Line) -> None:
        topic, classes, english, german = line.fields
        base, _, rest = english.partition(" ")
        words, _, infinitive = german.rpartition(" ")
        if not infinitive.replace("|", "").endswith("n"):
            raise line.error(f'"{german}" does not end in an infinitive')
        reflexive = ""
        for mark in ("sich3", "sich"):
            if words == mark or words.startswith(mark + " "):
                reflexive, words = mark, words[len(mark) :].strip()
                break
        middle = re.sub(r"\[k\](?=ein)|\[\w+\] ?", "", words).strip()
        negated = re.sub(r"\[k\](?=ein)", "@k", words)
        negated = re.sub(r"\[(\w+)\]", r"@\1", negated)
        if negated.count("@") == 0:
            negated = re.sub(r"\{(ein|0) ", "@{kein ", negated, count=1)
        if negated.count("@") != 1:
            raise line.error(f'"{german}" needs one place for the negation: a slot with "ein" or "0", or [nicht]')
        if english in self.verb_phrases:
            raise line.error(f'the verb phrase "{english}" stands here a second time')
        self.verb_phrases[english] = VerbPhrase(
            english,
            topic,
            frozenset(classes.split()),
            self.english_verb(base),
            rest,
            self.german_verb(infinitive),
            reflexive,
            middle,
            negated,
            line,
        )

    def _add_subject(self, line: Line) -> None:
        classes, english = line.fields[:2]
        weight = 1
        found: list[Subject] = []
        if english in PRONOUNS:
            found, weight = [PRONOUNS[english]], int(line.fields[2]) if len(line.fields) > 2 else 1
        elif match := re.fullmatch(r"(\w+) <([\w ]+?)( pl)?>", english):
            determiner, name, many = match.groups()
            if determiner not in GERMAN_DETERMINER:
                raise line.error(f'the determiner "{determiner}" is not one of {", ".join(GERMAN_DETERMINER)}')
            nouns = [noun for noun in self.nouns.values() if name in noun.classes or name == noun.key]
            found = [_noun_subject(determiner, noun, bool(many)) for noun in nouns if noun.pluralizable or not many]
            weight = int(line.fields[2]) if len(line.fields) > 2 else 1
        elif len(line.fields) > 2 and line.fields[2] in ("m", "f"):
            found = [_named_subject(english, "m" if line.fields[2] == "m" else "f")]
            weight = int(line.fields[3]) if len(line.fields) > 3 else 1
        if not found:
            raise line.error(f'"{english}" is neither a pronoun, a determiner with a noun class, nor a name with m or f')
        for name in classes.split():
            self.subjects.setdefault(name, []).append((found, weight))


def _noun_subject(determiner: str, noun: Noun, many: bool) -> Subject:
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


def _named_subject(name: str, gender: Gender) -> Subject:
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


def pronoun_of(noun: Noun, plural_form: bool, case: Case) -> str:
    """The German personal pronoun that stands for a noun."""
    return PERSONAL[noun.german.agreement(plural_form)][("nom", "akk", "dat").index(case)]
