"""The slots of one template: what they are called, what may fill them, and a random draw of all of them.

A slot stands in braces and is declared where it first occurs on the English side, as `name:classes`, the name one
letter with or without a digit. The classes are those of the lexicon, the English name of a noun, a numeral
(`2..20`, `PRICE`, `CLOCK` ...), a class of subjects, or `@x` for an adjective that fits the noun in slot x
(`@x-class`: and is not of that class). Classes
combine, from left to right, with + (or), & (and) and - (not). Knows nothing of how a filler is written.
"""

from __future__ import annotations

import itertools
import random
import re
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from s2t2_live.training.phrase_book.entries import Adjective, Entry, Noun, Pair, VerbPhrase
from s2t2_live.training.phrase_book.lexicon import Lexicon
from s2t2_live.training.phrase_book.numerals import Draw, Numeral, draw_of
from s2t2_live.training.phrase_book.subjects import Subject
from s2t2_live.training.phrase_book.table import Line


@dataclass(frozen=True, slots=True)
class Action:
    """A verb phrase with its own slots filled."""

    phrase: VerbPhrase
    fillers: Fillers


Candidate = Entry | Subject | Numeral
Filler = Noun | Adjective | Pair | Subject | Numeral | Action
Fillers = dict[str, Filler]
DrawAll = Callable[[random.Random], Fillers | None]
DrawSlot = Callable[[random.Random, Fillers], Filler | None]

DEGREES = ("comp", "sup")
CAPITAL = "cap"
CASES = ("nom", "akk", "dat", "gen", "obj")


@dataclass(frozen=True, slots=True)
class SlotText:
    """The words between two braces, sorted: what is asked for (`head`), and how."""

    head: str
    form: str
    words: tuple[str, ...]
    modifiers: tuple[str, ...]
    plural: bool
    case: str
    degree: str
    raw: str


class Choice:
    """A draw from the entries of one slot; `weights` (one for each entry) are even until they are balanced."""

    def __init__(self, entries: Sequence[Candidate], actions: Mapping[str, Slots]) -> None:
        self.entries = entries
        self._actions = actions
        self.reweigh([1.0] * len(entries))

    def reweigh(self, weights: Sequence[float]) -> None:
        self.weights = weights
        self._bounds = list(itertools.accumulate(weights))

    def draw(self, rng: random.Random, _: Fillers) -> Filler | None:
        entry = self.entries[bisect(self._bounds, rng.random() * self._bounds[-1])]
        if not isinstance(entry, VerbPhrase):
            return entry
        fillers = self._actions[entry.key].draw(rng)
        return None if fillers is None else Action(entry, fillers)


class Slots:
    """The slots of one template: their names, what fills them, and a draw of all of them."""

    def __init__(self, lexicon: Lexicon, line: Line) -> None:
        self.lexicon = lexicon
        self.line = line
        self.specifications: dict[str, str] = {}
        self.many: set[str] = set()
        self._draws: list[tuple[str, DrawSlot]] = []
        self.choices: list[Choice] = []
        self.size = 1.0

    def declare(self, text: str) -> str:
        """Take the declarations (`x:class`) out of a text, leaving the names."""

        def taken(match: re.Match[str]) -> str:
            name, specification = match[1], match[2]
            if self.specifications.setdefault(name, specification) != specification:
                raise self.line.error(f'the slot "{name}" is declared twice')
            return name

        return re.sub(r"(?<=[{ ])([a-z]\d?):([^\s{}.]+(?:\.\.\d+)?)", taken, text)

    def parse(self, raw: str) -> SlotText:
        """Sort the words of a slot whose declarations are taken out."""
        words, modifiers, form, case, degree = [], [], "", "", ""
        plural = False
        for token in raw.split():
            name, _, rest = token.partition(".")
            if token in self.specifications:
                modifiers.append(token)
            elif rest and name in self.specifications:
                modifiers.append(name)
                form = rest
            elif token == "pl":
                plural = True
            elif token in CASES:
                case = token
            elif token in DEGREES or token == CAPITAL:
                degree = token
            else:
                words.append(token)
        head = modifiers.pop() if modifiers else ""
        if plural:
            self.many.add(head)
        return SlotText(head, form, tuple(words), tuple(modifiers), plural, case, degree, raw)

    def kind(self, name: str) -> type:
        return type(self.candidates(name)[0])

    def candidates(self, name: str) -> list[Candidate]:
        """Everything that may fill a slot, apart from numerals, which have one example."""
        specification = self.specifications[name]
        if draw := draw_of(specification):
            return [draw(random.Random(0))]
        if specification.startswith("@"):
            return list(self.lexicon.adjectives.values())
        if specification in self.lexicon.subjects:
            return [subject for group, _ in self.lexicon.subjects[specification] for subject in group]
        found: dict[str, Candidate] = {}
        for sign, part in re.findall(r"([+&-]?)([^+&-]+)", specification):
            members: dict[str, Candidate] = {entry.key: entry for entry in self.lexicon.members(part)}
            if not members:
                raise self.line.error(f'there is no class "{part}" for the slot "{name}"')
            if sign == "-":
                found = {key: entry for key, entry in found.items() if key not in members}
            elif sign == "&":
                found = {key: entry for key, entry in found.items() if key in members}
            else:
                found.update(members)
        if name in self.many:
            found = {key: entry for key, entry in found.items() if not isinstance(entry, Noun) or entry.pluralizable}
        if not found:
            raise self.line.error(f'nothing fits the slot "{name}:{specification}"')
        if len({type(entry) for entry in found.values()}) != 1:
            raise self.line.error(f'the classes of "{name}:{specification}" mix parts of speech')
        return list(found.values())

    def prepare(self, actions: Mapping[str, Slots]) -> None:
        """Make the draws, once all sides are parsed."""
        ordered = sorted(self.specifications.items(), key=lambda item: item[1].startswith("@"))
        for name, specification in ordered:
            if draw := draw_of(specification):
                self._draws.append((name, _numeral_draw(draw)))
                self.size *= 20
            elif specification.startswith("@"):
                self._draws.append((name, self._fitting(specification[1:])))
                self.size *= 5
            elif specification in self.lexicon.subjects:
                groups = self.lexicon.subjects[specification]
                self._draws.append((name, _subject_draw(groups)))
                self.size *= sum(len(group) for group, _ in groups)
            else:
                choice = Choice(self.candidates(name), actions)
                self.choices.append(choice)
                self._draws.append((name, choice.draw))
                self.size *= len(choice.entries)

    def _fitting(self, specification: str) -> DrawSlot:
        noun_slot, _, unwanted = specification.partition("-")
        nouns = [entry for entry in self.candidates(noun_slot) if isinstance(entry, Noun)]
        words = [word for word in self.lexicon.adjectives.values() if unwanted not in word.classes]
        table = {noun.key: [word for word in words if word.fits & noun.classes] for noun in nouns}
        for key, fitting in table.items():
            if not fitting:
                raise self.line.error(f'no adjective fits the noun "{key}"')

        def draw(rng: random.Random, fillers: Fillers) -> Filler | None:
            noun = fillers[noun_slot]
            return rng.choice(table[noun.key]) if isinstance(noun, Noun) else None

        return draw

    def draw(self, rng: random.Random) -> Fillers | None:
        """Fill all slots; None if two of them got the same entry."""
        fillers: Fillers = {}
        seen: set[str] = set()
        for name, draw in self._draws:
            filler = draw(rng, fillers)
            if filler is None:
                return None
            keys = content_keys(filler)
            if not seen.isdisjoint(keys):
                return None
            seen.update(keys)
            fillers[name] = filler
        return fillers if _compatible(fillers) else None

    def one_by_one(self, name: str, actions: Mapping[str, Slots]) -> Iterator[DrawAll]:
        """For every candidate of a slot a draw of all slots that puts the candidate there."""

        def with_entry(entry: Candidate) -> DrawAll:
            def draw(rng: random.Random) -> Fillers | None:
                fillers = self.draw(rng)
                if fillers is None:
                    return None
                if isinstance(entry, VerbPhrase):
                    inner = actions[entry.key].draw(rng)
                    return None if inner is None else {**fillers, name: Action(entry, inner)}
                return {**fillers, name: entry}

            return draw

        if draw_of(self.specifications[name]):
            for _ in range(50):
                yield self.draw
        else:
            yield from map(with_entry, self.candidates(name))


def _compatible(fillers: Fillers) -> bool:
    """Whether the verb phrases are of all the classes that the pairs ask for, and of none that they bar."""
    actions = [filler.phrase.classes for filler in fillers.values() if isinstance(filler, Action)]
    pairs = [filler for filler in fillers.values() if isinstance(filler, Pair)] if actions else []
    return all(pair.needs <= classes and pair.bars.isdisjoint(classes) for pair in pairs for classes in actions)


def content_keys(filler: Filler) -> list[str]:
    """What identifies a filler: its own key, or those of a verb phrase and of all that it holds."""
    if isinstance(filler, Action):
        return [filler.phrase.key, *itertools.chain.from_iterable(map(content_keys, filler.fillers.values()))]
    if isinstance(filler, Subject):
        return [filler.key.partition(" ")[2] or filler.key]
    return [filler.key]


def _numeral_draw(draw: Draw) -> DrawSlot:
    return lambda rng, _: draw(rng)


def _subject_draw(groups: list[tuple[list[Subject], int]]) -> DrawSlot:
    bounds = list(itertools.accumulate(weight for _, weight in groups))
    return lambda rng, _: rng.choice(groups[bisect(bounds, rng.random() * bounds[-1])][0])
