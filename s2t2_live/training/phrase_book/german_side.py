"""Writes the German side: cases, prepositions, and the verb phrases, which German spreads over the clause."""

from __future__ import annotations

from collections.abc import Mapping

from s2t2_live.training.phrase_book import german
from s2t2_live.training.phrase_book.entries import Adjective, Noun, Pair, VerbPhrase, pronoun_of
from s2t2_live.training.phrase_book.numerals import Numeral
from s2t2_live.training.phrase_book.slots import CAPITAL, DEGREES, Action, Fillers, Slots, SlotText
from s2t2_live.training.phrase_book.subjects import Subject
from s2t2_live.training.phrase_book.table import Line
from s2t2_live.training.phrase_book.writer import OWNER, Write, Writer, adjective, owner

FORMS: dict[str, str] = {
    "fin": "holt",
    "prefix": "ab",
    "last": "abholt",
    "inf": "abholen",
    "zu": "abzuholen",
    "aux": "hat",
    "part": "abgeholt",
    "auxlast": "abgeholt hat",
    "pron": "sich",
    "mid": "eine Karte",
    "neg": "keine Karte",
    "yet": "noch keine Karte",
    "imp": "holen",
}
CASE_OF: dict[str, german.Case] = {case: case for case in german.CASES}
MIDDLES = {"mid": "", "neg": "", "yet": "noch "}
"""The forms of the middle field, and what stands before the negation (which the lexicon marks with "@")."""
PRETERITE = frozenset(("sein", "haben"))
"""Verbs whose spoken past is the preterite, not the perfect: aux is "war", and part is empty."""
AUXILIARY = {
    "haben": german.GermanVerb.build("haben", "hat", "hatte", "gehabt"),
    "sein": german.GermanVerb.build("sein", "ist", "war", "gewesen", "sein"),
}


class GermanSide(Writer):
    """`middles` writes the middle field, plain and negated, for each verb phrase."""

    def __init__(self, slots: Slots, line: Line, middles: Mapping[str, tuple[Write, Write]]) -> None:
        super().__init__(slots, line)
        self.middles = middles

    def _finite(self, name: str, tense: str, agreeing: Subject | Noun | None, many: bool) -> str:
        verb = self.slots.lexicon.german_verb(name)
        person: german.GermanPerson = "er"
        if isinstance(agreeing, Subject):
            person = agreeing.german_person
        elif agreeing is not None and agreeing.german.agreement(many) == "pl":
            person = "sie"
        return verb.past(person) if tense else verb.present(person)

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
                return filler.german[("nom", "akk", "dat").index(slot.case or "nom")]
            if isinstance(filler, Adjective):
                if slot.degree == CAPITAL:
                    return filler.german[0].capitalize()
                if slot.degree == "sup":
                    return f"am {filler.german[2]}en"
                return filler.german[1 if slot.degree else 0]
            if isinstance(filler, Pair | Numeral):
                return filler.german
            self.fault(slot)

        return write

    def _noun(self, slot: SlotText) -> Write:
        words = list(slot.words)
        preposition = words.pop(0) if words and words[0] in german.PREPOSITION_CASE else ""
        determiner = words.pop(0) if words else german.NO_ARTICLE
        case = CASE_OF.get(slot.case) or german.PREPOSITION_CASE.get(preposition, "nom")
        if words or case is None or determiner not in (*german.DETERMINERS, "er", "own", "der_", "dieser_"):
            self.fault(slot)
        degree = 1 + DEGREES.index(slot.degree) if slot.degree else 0

        def write(fillers: Fillers) -> str:
            noun = fillers[slot.head]
            assert isinstance(noun, Noun)
            if determiner == "er":
                return " ".join(filter(None, (preposition, pronoun_of(noun, slot.plural, case))))
            if determiner.endswith("_"):
                form = german.determiner(determiner[:-1], noun.german.agreement(slot.plural), case)
                return " ".join(filter(None, (preposition, form)))
            article = owner(fillers).german_possessive if determiner == "own" else determiner
            if article == "ein" and noun.kind == "mass":
                article = german.NO_ARTICLE
            stems = [adjective(fillers[name]) for name in slot.modifiers]
            shown = [word.german[degree] if degree else word.stem for word in stems]
            return german.noun_phrase(noun.german, article, shown, case, slot.plural, preposition)

        return write

    def _action(self, slot: SlotText) -> Write:
        form, head, subject_of = slot.form, slot.head, self.subject_of(slot)
        if form in MIDDLES:

            def write_middle(fillers: Fillers) -> str:
                action = fillers[head]
                assert isinstance(action, Action)
                middle, negated = self.middles[action.phrase.key]
                inside: Fillers = {**action.fillers, OWNER: subject_of(fillers)}
                return middle(inside) if form == "mid" else negated(inside).replace("@", MIDDLES[form])

            return write_middle

        def write(fillers: Fillers) -> str:
            action = fillers[head]
            assert isinstance(action, Action)
            phrase, subject = action.phrase, subject_of(fillers)
            verb, person = phrase.german_verb, subject.german_person
            simple = verb.infinitive in PRETERITE
            if form == "fin":
                return verb.present(person)
            if form == "prefix":
                return verb.prefix
            if form == "last":
                return verb.prefix + verb.present(person)
            if form == "inf":
                return verb.infinitive
            if form == "zu":
                return verb.zu_infinitive
            if form == "imp":
                return verb.imperative
            if form == "pron":
                return subject.reflexive[phrase.reflexive == "sich3"] if phrase.reflexive else ""
            if form == "part":
                return "" if simple else verb.participle
            auxiliary = verb.past(person) if simple else AUXILIARY[verb.auxiliary].present(person)
            return auxiliary if form == "aux" or simple else f"{verb.participle} {auxiliary}"

        return write
