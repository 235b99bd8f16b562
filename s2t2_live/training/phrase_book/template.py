"""Templates: the two sides of a sentence with slots, compiled to functions that write them.

- Nouns: `{a x}`, `{the x}`, `{the x pl}`, `{my x}`, `{own x}` (possessive of the subject), `{it x}` (plural "them"),
  `{it x nom}` (plural "they"). The German side has determiners by their masculine nominative (`der ein kein mein Ihr
  unser dieser jeder welcher own`, `0` for none), a case (`nom` unless written: akk, dat, gen; a preposition brings
  its own), a preposition first (`{zu der x}`, `{in der x akk}`), and `{er x akk}` for the pronoun. `{this_ x}`,
  `{that_ x}`, `{dieser_ x}` and `{der_ x}` leave the noun out.
- Adjectives: before a noun in the same slot, or alone, with `comp` or `sup` for the degree; `cap` writes the
  adjective as a noun ("in Rot").
- Subjects: `{s}`, `{s obj}`, `{s akk}`, `{s dat}`. Agreement with a subject or noun: `{=be s}`, `{=haben.past s}`.
- Verb phrases: `{v.past}`, `{v.part}` ..., see FORMS of both sides. They agree with the slot s, or with
  the pronoun named in the slot (`{v.base I}`); "you" where there is neither.
- `[a|b]` on both sides writes alternatives that go together, in the same order; `<a|b>` on the English side alone
  writes synonyms.

Knows nothing of training splits and topics' weights.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from s2t2_live.training.phrase_book.english_side import EnglishSide
from s2t2_live.training.phrase_book.entries import VerbPhrase
from s2t2_live.training.phrase_book.german_side import GermanSide
from s2t2_live.training.phrase_book.lexicon import Lexicon
from s2t2_live.training.phrase_book.slots import Slots
from s2t2_live.training.phrase_book.table import Line
from s2t2_live.training.phrase_book.writer import Write, Writer

SLOT = re.compile(r"\{([^{}]*)\}")
ALTERNATIVES = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SYNONYMS = re.compile(r"<([^<>]*\|[^<>]*)>")


def expand(line: Line, source: str, target: str) -> list[tuple[str, str]]:
    """Both sides with the alternatives written out: <a|b> of the English side alone, [a|b] of both sides together."""
    shapes = [[part.count("|") for part in ALTERNATIVES.findall(side)] for side in (source, target)]
    if shapes[0] != shapes[1]:
        raise line.error("both sides must have the same [a|b] in the same order (<a|b> is for the English side alone)")
    texts = []
    for picks in _picks(SYNONYMS, source):
        chosen = _chosen(SYNONYMS, source, picks)
        for pair in _picks(ALTERNATIVES, chosen):
            texts.append((_chosen(ALTERNATIVES, chosen, pair), _chosen(ALTERNATIVES, target, pair)))
    return texts


def _picks(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(part.count("|") + 1) for part in pattern.findall(text)))


def _chosen(pattern: re.Pattern[str], text: str, picks: Sequence[int]) -> str:
    remaining = iter(picks)
    return pattern.sub(lambda match: match[1].split("|")[next(remaining)], text)


def tidy(sentence: str) -> str:
    """Close the gaps that empty slots leave, and begin with a capital."""
    sentence = re.sub(r" +([.,?!])", r"\1", re.sub(r" {2,}", " ", sentence)).strip()
    return sentence[:1].upper() + sentence[1:]


class Sides:
    """Writes both languages of a text with slots (a template, or the inside of a verb phrase)."""

    def __init__(self, lexicon: Lexicon, line: Line, source: str, target: str, actions: Actions) -> None:
        self.slots = Slots(lexicon, line)
        self._line = line
        source, target = self.slots.declare(source), self.slots.declare(target)
        self._german = GermanSide(self.slots, line, actions.middles)
        self.english: Write = self._side(source, EnglishSide(self.slots, line, actions.rests))
        self.german: Write = self._side(target, self._german)
        missing = [name for name in self.slots.specifications if not re.search(rf"[{{ ]{name}[}} .]", target)]
        if missing:
            raise line.error(f'the slot "{missing[0]}" is missing on the German side')
        self.slots.prepare(actions.slots)

    def _side(self, text: str, writer: Writer) -> Write:
        if text.count("{") != text.count("}"):
            raise self._line.error("a brace is not closed")
        parts: list[str | Write] = []
        for index, part in enumerate(SLOT.split(text)):
            if index % 2 == 0:
                parts.append(part)
            else:
                parts.append(writer.compile(self.slots.parse(part)))
        return lambda fillers: "".join([part if isinstance(part, str) else part(fillers) for part in parts])

    def side(self, target: str) -> Write:
        """Another German text with the same slots."""
        return self._side(target, self._german)


class ActionSides(Sides):
    """The inside of a verb phrase: what follows the English verb, and the German middle field, plain and negated."""

    def __init__(self, lexicon: Lexicon, phrase: VerbPhrase) -> None:
        super().__init__(lexicon, phrase.line, phrase.rest, phrase.middle, Actions({}))
        self.negated = self.side(phrase.negated)


class Actions:
    """All verb phrases, compiled, by their keys."""

    def __init__(self, sides: Mapping[str, ActionSides]) -> None:
        self.slots = {key: action.slots for key, action in sides.items()}
        self.rests = {key: action.english for key, action in sides.items()}
        self.middles = {key: (action.german, action.negated) for key, action in sides.items()}
        self.sides = sides

    @classmethod
    def compile(cls, lexicon: Lexicon) -> Actions:
        return cls({key: ActionSides(lexicon, phrase) for key, phrase in lexicon.verb_phrases.items()})
