"""The words of the phrase book, read from the tables of the grammar and indexed by class.

See the head of each table for its columns. Knows nothing of templates and sampling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from s2t2_live.errors import SettingsError
from s2t2_live.training.phrase_book.english import EnglishVerb, plural
from s2t2_live.training.phrase_book.entries import Adjective, Entry, Noun, Pair, VerbPhrase
from s2t2_live.training.phrase_book.german import ARTICLE_GENDER, GermanNoun, GermanVerb, attributive
from s2t2_live.training.phrase_book.subjects import (
    GERMAN_DETERMINER,
    PRONOUNS,
    Subject,
    named_subject,
    noun_subject,
)
from s2t2_live.training.phrase_book.table import Line, read_table


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
    _classes: dict[str, list[Entry]] = field(default_factory=dict)

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
        lexicon._index()
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

    def members(self, name: str) -> Sequence[Entry]:
        """Entries of one class, or the noun of that English name ("_" for spaces); empty if there is none."""
        return self._classes.get(name, ())

    def _index(self) -> None:
        for noun in self.nouns.values():
            self._classes[noun.key.replace(" ", "_")] = [noun]
        tables: tuple[Mapping[str, Entry], ...] = (self.nouns, self.adjectives, self.pairs, self.verb_phrases)
        for table in tables:
            for entry in table.values():
                for name in entry.classes - {entry.key.replace(" ", "_")}:
                    self._classes.setdefault(name, []).append(entry)

    def english_verb(self, base: str) -> EnglishVerb:
        return self.english_verbs.get(base) or EnglishVerb.regular(base)

    def german_verb(self, infinitive: str) -> GermanVerb:
        """The verb by its infinitive ("|" after a separable prefix); its forms are those of the base verb if known."""
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
        plain, needs, bars = (
            frozenset(name.rpartition(":")[2] for name in names if name.rpartition(":")[0] == mark)
            for mark in ("", "needs", "bars")
        )
        self.pairs[key] = Pair(key, english, german, plain, needs, bars)

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
        classes, english, *more = line.fields
        gender = more.pop(0) if more and more[0] in ("m", "f") else ""
        if more and not more[0].isdecimal():
            raise line.error(f'the weight "{more[0]}" is not a whole number')
        weight = int(more[0]) if more else 1
        found: list[Subject] = []
        if english in PRONOUNS:
            found = [PRONOUNS[english]]
        elif match := re.fullmatch(r"(\w+) <([\w ]+?)( pl)?>", english):
            determiner, name, many = match.groups()
            if determiner not in GERMAN_DETERMINER:
                raise line.error(f'the determiner "{determiner}" is not one of {", ".join(GERMAN_DETERMINER)}')
            nouns = [noun for noun in self.nouns.values() if name in noun.classes or name == noun.key]
            found = [noun_subject(determiner, noun, bool(many)) for noun in nouns if noun.pluralizable or not many]
        elif gender:
            found = [named_subject(english, "m" if gender == "m" else "f")]
        if not found:
            raise line.error(f'"{english}" is no pronoun, no determiner with a noun class, and no name with m or f')
        for name in classes.split():
            self.subjects.setdefault(name, []).append((found, weight))
