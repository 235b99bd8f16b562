"""Writes the English side: articles, plurals, and the forms of the verb phrases."""

from __future__ import annotations

from collections.abc import Mapping

from s2t2_live.training.phrase_book import english
from s2t2_live.training.phrase_book.entries import Adjective, Noun, Pair, VerbPhrase
from s2t2_live.training.phrase_book.numerals import Numeral
from s2t2_live.training.phrase_book.slots import DEGREES, Action, Fillers, Slots, SlotText
from s2t2_live.training.phrase_book.subjects import Subject
from s2t2_live.training.phrase_book.table import Line
from s2t2_live.training.phrase_book.writer import OWNER, Write, Writer, adjective, owner

DETERMINERS = frozenset("a the my your his her our their this that no some any another every each which what".split())
FORMS: dict[str, str] = {
    "base": "buy",
    "pres": "buys",
    "past": "bought",
    "part": "bought",
    "ing": "buying",
    "neg": "does not buy",
    "negpast": "did not buy",
    "q": "does she buy",
    "qpast": "did she buy",
}
ONES = {"this_": ("this one", "these"), "that_": ("that one", "those")}
DO = english.EnglishVerb.regular("do", "did", "done")


class EnglishSide(Writer):
    """`rests` writes what follows the verb, for each verb phrase."""

    def __init__(self, slots: Slots, line: Line, rests: Mapping[str, Write]) -> None:
        super().__init__(slots, line)
        self.rests = rests

    def _finite(self, name: str, tense: str, agreeing: Subject | Noun | None, many: bool) -> str:
        verb = self.slots.lexicon.english_verb(name)
        person: english.EnglishPerson = "he"
        if isinstance(agreeing, Subject):
            person = agreeing.english_person
        elif agreeing is not None and (many or agreeing.kind == "plural"):
            person = "they"
        return verb.preterite(person) if tense else verb.present(person)

    def compile(self, slot: SlotText) -> Write:
        if slot.words and slot.words[0].startswith("="):
            return self.agreement(slot, self._finite)
        if not slot.head:
            self.fault(slot)
        head, kind = slot.head, self.slots.kind(slot.head)
        if slot.form:
            if kind is not VerbPhrase or slot.form not in FORMS:
                self.fault(slot)
            return self._action(slot)
        if kind is Noun:
            return self._noun(slot)
        if slot.words:
            self.fault(slot)

        def write(fillers: Fillers) -> str:
            filler = fillers[head]
            if isinstance(filler, Subject):
                return filler.english_object if slot.case == "obj" else filler.english
            if isinstance(filler, Adjective):
                degree = filler.degrees[("comp", "sup").index(slot.degree) + 1 if slot.degree else 0]
                return f"the {degree}" if slot.degree == "sup" else degree
            if isinstance(filler, Pair | Numeral):
                return filler.english
            self.fault(slot)

        return write

    def _noun(self, slot: SlotText) -> Write:
        if any(word not in DETERMINERS and word not in ("it", "own", "this_", "that_") for word in slot.words):
            self.fault(slot)
        determiner = " ".join(slot.words)
        degree = 1 + DEGREES.index(slot.degree) if slot.degree else 0

        def write(fillers: Fillers) -> str:
            noun = fillers[slot.head]
            assert isinstance(noun, Noun)
            many = slot.plural or noun.kind == "plural"
            if determiner == "it":
                return ("they" if slot.case == "nom" else "them") if many else "it"
            if determiner in ONES:
                return ONES[determiner][many]
            words = [adjective(fillers[name]).degrees[degree] for name in slot.modifiers]
            words.append(noun.plural if many else noun.singular)
            article = determiner
            if determiner == "own":
                article = owner(fillers).english_possessive
            elif determiner == "a":
                article = english.indefinite_article(words[0]) if noun.kind == "count" and not many else ""
            elif many and determiner in ("this", "that"):
                article = {"this": "these", "that": "those"}[determiner]
            elif determiner == "any" and noun.kind == "count" and not many:
                article = english.indefinite_article(words[0])
            return " ".join((article, *words)).strip()

        return write

    def _action(self, slot: SlotText) -> Write:
        rests = self.rests
        subject_of, form, head = self.subject_of(slot), slot.form, slot.head

        def write(fillers: Fillers) -> str:
            action = fillers[head]
            assert isinstance(action, Action)
            subject = subject_of(fillers)
            verb, person = action.phrase.verb, subject.english_person
            rest = rests[action.phrase.key]({**action.fillers, OWNER: subject})
            direct = verb.base == "be"
            if form == "base":
                words = verb.base
            elif form == "pres":
                words = verb.present(person)
            elif form == "past":
                words = verb.preterite(person)
            elif form == "part":
                words = verb.participle
            elif form == "ing":
                words = verb.ing
            else:
                past = form.endswith("past")
                first = verb if direct else DO
                finite = first.preterite(person) if past else first.present(person)
                middle = "not" if form.startswith("neg") else subject.english
                words = f"{finite} {middle}" if direct else f"{finite} {middle} {verb.base}"
            return f"{words} {rest}"

        return write
