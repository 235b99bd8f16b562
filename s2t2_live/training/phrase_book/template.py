"""Templates: the two sides of a sentence with slots, compiled to functions that write them.

- Nouns: `{a x}`, `{the x}`, `{the x pl}`, `{my x}`, `{own x}` (possessive of the subject), `{it x}`. The German side
  has determiners by their masculine nominative (`der ein kein mein Ihr unser dieser jeder welcher own`, `0` for none),
  a case (`nom` unless written: akk, dat, gen; a preposition brings its own), a preposition first (`{zu der x}`,
  `{in der x akk}`), and `{er x akk}` for the pronoun. `{this_ x}`, `{that_ x}`, `{dieser_ x}` and `{der_ x}` leave the noun out.
- Adjectives: before a noun in the same slot, or alone, with `comp` or `sup` for the degree; `cap` writes the
  adjective as a noun ("in Rot").
- Subjects: `{s}`, `{s obj}`, `{s akk}`, `{s dat}`. Agreement with a subject or noun: `{=be s}`, `{=haben.past s}`.
- Verb phrases: `{v.past}`, `{v.part}` ..., see ENGLISH_FORMS and GERMAN_FORMS. They agree with the slot s, or with
  the pronoun named in the slot (`{v.base I}`); "you" where there is neither.
- `[a|b]` writes alternatives; where the German side has as many brackets, they go together, otherwise the English
  ones are synonyms.

Knows nothing of training splits and topics' weights.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence

from s2t2_live.training.phrase_book import english, german
from s2t2_live.training.phrase_book.lexicon import (
    PRONOUNS,
    Adjective,
    Lexicon,
    Line,
    Noun,
    Pair,
    Subject,
    VerbPhrase,
    pronoun_of,
)
from s2t2_live.training.phrase_book.numerals import Numeral
from s2t2_live.training.phrase_book.slots import CAPITAL, DEGREES, Action, Fillers, Slots, SlotText

Write = Callable[[Fillers], str]

SLOT = re.compile(r"\{([^{}]*)\}")
ALTERNATIVES = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
OWNER = "the subject"
"""Key of the subject among the fillers of a verb phrase; no slot can have this name."""

ENGLISH_DETERMINERS = frozenset(
    "a the my your his her our their this that no some any another every each which what".split()
)
ENGLISH_FORMS: dict[str, str] = {
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
GERMAN_FORMS: dict[str, str] = {
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
ONES = {"this_": ("this one", "these"), "that_": ("that one", "those")}
PRETERITE = frozenset(("sein", "haben"))
"""Verbs whose spoken past is the preterite, not the perfect: aux is "war", and part is empty."""


def expand(line: Line, source: str, target: str) -> list[tuple[str, str]]:
    """Both sides with the bracketed alternatives written out."""
    left, right = ALTERNATIVES.findall(source), ALTERNATIVES.findall(target)
    if right and [part.count("|") for part in left] != [part.count("|") for part in right]:
        raise line.error("the German side must have as many [a|b] as the English one, in the same order, or none")
    choices = itertools.product(*(range(part.count("|") + 1) for part in left))
    return [(_chosen(source, picks), _chosen(target, picks)) for picks in choices]


def _chosen(text: str, picks: Sequence[int]) -> str:
    remaining = iter(picks)
    return ALTERNATIVES.sub(lambda match: match[1].split("|")[next(remaining)], text)


def tidy(sentence: str) -> str:
    """Close the gaps that empty slots leave, and begin with a capital."""
    sentence = re.sub(r" +([.,?!])", r"\1", re.sub(r" {2,}", " ", sentence)).strip()
    return sentence[:1].upper() + sentence[1:]


class Sides:
    """Writes both languages of a text with slots (a template, or the inside of a verb phrase)."""

    def __init__(self, lexicon: Lexicon, line: Line, source: str, target: str, actions: Mapping[str, Sides]) -> None:
        self.slots = Slots(lexicon, line)
        self._line = line
        self._actions = actions
        source, target = self.slots.declare(source), self.slots.declare(target)
        self.english: Write = self._side(source, self._english_slot)
        self.german: Write = self._side(target, self._german_slot)
        missing = [name for name in self.slots.specifications if not re.search(rf"[{{ ]{name}[}} .]", target)]
        if missing:
            raise line.error(f'the slot "{missing[0]}" is missing on the German side')
        self.slots.prepare({key: sides.slots for key, sides in actions.items()})

    def _side(self, text: str, compile_slot: Callable[[SlotText], Write]) -> Write:
        if text.count("{") != text.count("}"):
            raise self._line.error("a brace is not closed")
        parts: list[str | Write] = []
        for index, part in enumerate(SLOT.split(text)):
            if index % 2 == 0:
                parts.append(part)
            else:
                parts.append(compile_slot(self.slots.parse(part)))
        return lambda fillers: "".join([part if isinstance(part, str) else part(fillers) for part in parts])

    def side(self, target: str) -> Write:
        """Another German text with the same slots."""
        return self._side(target, self._german_slot)

    def _fault(self, slot: SlotText) -> Exception:
        return self._line.error(f'the slot "{{{slot.raw}}}" is not understood')

    def _subject(self, slot: SlotText) -> Callable[[Fillers], Subject]:
        named = [word for word in slot.words if word in PRONOUNS]
        name = next(iter(slot.modifiers), "") or ("s" if "s" in self.slots.specifications else "")
        constant = PRONOUNS[named[0] if named else "you"]

        def subject(fillers: Fillers) -> Subject:
            found = constant if named or not name else fillers[name]
            return found if isinstance(found, Subject) else constant

        return subject

    def _agreement(self, slot: SlotText, of_english: bool) -> Write:
        verb_name, _, tense = slot.words[0][1:].partition(".")
        lexicon = self.slots.lexicon
        constant = next((PRONOUNS[word] for word in slot.words[1:] if word in PRONOUNS), None)
        if constant is None and not slot.head:
            raise self._fault(slot)
        english_verb, german_verb = lexicon.english_verb(verb_name), lexicon.german_verb(verb_name)
        if tense not in ("", "past"):
            raise self._fault(slot)

        def write(fillers: Fillers) -> str:
            agreeing = constant or fillers[slot.head]
            many = slot.plural
            if isinstance(agreeing, Subject):
                english_person, german_person = agreeing.english_person, agreeing.german_person
            elif isinstance(agreeing, Noun):
                english_person = "they" if many or agreeing.kind == "plural" else "he"
                german_person = "sie" if agreeing.german.agreement(many) == "pl" else "er"
            else:
                english_person, german_person = "he", "er"
            if of_english:
                return english_verb.preterite(english_person) if tense else english_verb.present(english_person)
            return german_verb.past(german_person) if tense else german_verb.present(german_person)

        return write

    def _english_slot(self, slot: SlotText) -> Write:
        if slot.words and slot.words[0].startswith("="):
            return self._agreement(slot, of_english=True)
        if not slot.head:
            raise self._fault(slot)
        head, kind = slot.head, self.slots.kind(slot.head)
        if slot.form:
            if kind is not VerbPhrase or slot.form not in ENGLISH_FORMS:
                raise self._fault(slot)
            return self._english_action(slot)
        if kind is Noun:
            return self._english_noun(slot)
        if slot.words:
            raise self._fault(slot)

        def write(fillers: Fillers) -> str:
            filler = fillers[head]
            if isinstance(filler, Subject):
                return filler.english_object if slot.case == "obj" else filler.english
            if isinstance(filler, Adjective):
                degree = filler.degrees[("comp", "sup").index(slot.degree) + 1 if slot.degree else 0]
                return f"the {degree}" if slot.degree == "sup" else degree
            if isinstance(filler, Pair | Numeral):
                return filler.english
            raise self._fault(slot)

        return write

    def _english_noun(self, slot: SlotText) -> Write:
        if any(word not in ENGLISH_DETERMINERS and word not in ("it", "own", "this_", "that_") for word in slot.words):
            raise self._fault(slot)
        determiner = " ".join(slot.words)
        degree = 1 + DEGREES.index(slot.degree) if slot.degree else 0

        def write(fillers: Fillers) -> str:
            noun = fillers[slot.head]
            assert isinstance(noun, Noun)
            many = slot.plural or noun.kind == "plural"
            if determiner == "it":
                return "them" if many else "it"
            if determiner in ONES:
                return ONES[determiner][many]
            words = [_adjective(fillers[name]).degrees[degree] for name in slot.modifiers]
            words.append(noun.plural if many else noun.singular)
            article = determiner
            if determiner == "own":
                article = _owner(fillers).english_possessive
            elif determiner == "a":
                article = english.indefinite_article(words[0]) if noun.kind == "count" and not many else ""
            elif many and determiner in ("this", "that"):
                article = {"this": "these", "that": "those"}[determiner]
            elif determiner == "any" and noun.kind == "count" and not many:
                article = english.indefinite_article(words[0])
            return " ".join((article, *words)).strip()

        return write

    def _english_action(self, slot: SlotText) -> Write:
        rests = {key: sides.english for key, sides in self._actions.items()}
        subject_of, form, head = self._subject(slot), slot.form, slot.head

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

    def _german_slot(self, slot: SlotText) -> Write:
        if slot.words and slot.words[0].startswith("="):
            return self._agreement(slot, of_english=False)
        if not slot.head:
            raise self._fault(slot)
        head, kind = slot.head, self.slots.kind(slot.head)
        if slot.form:
            if kind is not VerbPhrase or slot.form not in GERMAN_FORMS:
                raise self._fault(slot)
            return self._german_action(slot)
        if kind is Noun:
            return self._german_noun(slot)
        if slot.words:
            raise self._fault(slot)

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
            raise self._fault(slot)

        return write

    def _german_noun(self, slot: SlotText) -> Write:
        words = list(slot.words)
        preposition = words.pop(0) if words and words[0] in german.PREPOSITION_CASE else ""
        determiner = words.pop(0) if words else german.NO_ARTICLE
        case = slot.case or german.PREPOSITION_CASE.get(preposition, "nom")
        if words or not case or determiner not in (*german.DETERMINERS, "er", "own", "der_", "dieser_"):
            raise self._fault(slot)
        degree = 1 + DEGREES.index(slot.degree) if slot.degree else 0

        def write(fillers: Fillers) -> str:
            noun = fillers[slot.head]
            assert isinstance(noun, Noun)
            if determiner == "er":
                return " ".join(filter(None, (preposition, pronoun_of(noun, slot.plural, case))))
            if determiner.endswith("_"):
                form = german.determiner(determiner[:-1], noun.german.agreement(slot.plural), case)
                return " ".join(filter(None, (preposition, form)))
            article = _owner(fillers).german_possessive if determiner == "own" else determiner
            if article == "ein" and noun.kind == "mass":
                article = german.NO_ARTICLE
            stems = [_adjective(fillers[name]) for name in slot.modifiers]
            shown = [word.german[degree] if degree else word.stem for word in stems]
            return german.noun_phrase(noun.german, article, shown, case, slot.plural, preposition)

        return write

    def _german_action(self, slot: SlotText) -> Write:
        form, head, subject_of = slot.form, slot.head, self._subject(slot)
        actions = self._actions
        if form in ("mid", "neg", "yet"):

            def write_middle(fillers: Fillers) -> str:
                action = fillers[head]
                assert isinstance(action, Action)
                sides = actions[action.phrase.key]
                inside: Fillers = {**action.fillers, OWNER: subject_of(fillers)}
                if form == "mid":
                    return sides.german(inside)
                assert isinstance(sides, ActionSides)
                return sides.negated(inside).replace("@", "noch " if form == "yet" else "")

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


class ActionSides(Sides):
    """The inside of a verb phrase: what follows the English verb, and the German middle field, plain and negated."""

    def __init__(self, lexicon: Lexicon, phrase: VerbPhrase) -> None:
        super().__init__(lexicon, phrase.line, phrase.rest, phrase.middle, {})
        self.negated = self.side(phrase.negated)


def _adjective(filler: object) -> Adjective:
    assert isinstance(filler, Adjective)
    return filler


def _owner(fillers: Fillers) -> Subject:
    owner = fillers.get(OWNER) or fillers.get("s") or PRONOUNS["you"]
    assert isinstance(owner, Subject)
    return owner


DO = english.EnglishVerb.regular("do", "did", "done")
AUXILIARY = {
    "haben": german.GermanVerb.build("haben", "hat", "hatte", "gehabt"),
    "sein": german.GermanVerb.build("sein", "ist", "war", "gewesen", "sein"),
}
