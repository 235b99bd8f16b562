"""The phrase book: draws sentence pairs from the grammar, in two splits, and holds the sentences written one by one.

Hold-out. Two stable hashes decide. One is of the combination, that is the template with its main fillers (nouns,
adjectives, verb phrases; subjects, times and numbers only where a template has nothing else): one combination in
ten is held out, with all its sentences. The other is of the English text: a quarter of all texts never comes in
training. A phrase is drawn for training if neither hash takes it out, and held out if both do. So the combination is
new, and the text cannot have come by way of another template.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from s2t2_live.errors import SettingsError
from s2t2_live.training.phrase_book.balance import balance
from s2t2_live.training.phrase_book.english import contract
from s2t2_live.training.phrase_book.entries import Adjective, Noun, Pair
from s2t2_live.training.phrase_book.lexicon import Lexicon
from s2t2_live.training.phrase_book.slots import Action, Filler, Fillers, Slots, content_keys
from s2t2_live.training.phrase_book.table import Line, read_table
from s2t2_live.training.phrase_book.template import Actions, Sides, expand, tidy

Split = Literal["train", "heldout"]

FRAME_SHARE = 0.5
"""Share of the sentences that come from the frames, which combine every subject with every verb phrase."""
FRAMES = "frames"
MINOR_CLASSES = re.compile(r"\w*time$|name$|adverb$")
LONGEST = 16
MOST_TRIES = 20_000
PUNCTUATION = str.maketrans("", "", ".,?!:-")
ALLOWED = re.compile(r"[a-zA-ZäöüÄÖÜß0-9 .,?!:'-]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence in both languages."""

    english: str
    german: str
    topic: str
    split: Split


def canonical(text: str) -> str:
    """The English sentence as it sounds, without punctuation, with one spelling of short forms."""
    return contract(text).lower().translate(PUNCTUATION)


def bucket(text: str, count: int) -> int:
    """A stable hash of the text, from 0 to count - 1."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % count


@dataclass(slots=True)
class Template:
    """One line of a template file with its alternatives; `topic` is empty where the verb phrase brings it."""

    line: Line
    topic: str
    variants: list[Sides] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)

    @property
    def weight(self) -> float:
        return math.log(2 + sum(sides.slots.size for sides in self.variants))


class PhraseBook:
    """All sentence pairs of a folder `grammar/` and, where it is there, of `sentences/<topic>.tsv`."""

    def __init__(
        self,
        lexicon: Lexicon,
        actions: Actions,
        templates: dict[str, list[Template]],
        sentences: Sequence[Phrase],
    ) -> None:
        self.lexicon = lexicon
        self.actions = actions
        self.templates = templates
        self._sentences = tuple(sentences)
        self._written = {canonical(phrase.english): phrase.german for phrase in sentences}
        self._topics = sorted(topic for topic in templates if topic != FRAMES)
        self._bounds = {
            topic: list(itertools.accumulate(template.weight for template in group))
            for topic, group in templates.items()
        }

        balance(self._probabilities(), actions.slots)

    def _probabilities(self) -> Iterator[tuple[Slots, float]]:
        for topic, group in self.templates.items():
            share = FRAME_SHARE if topic == FRAMES else (1 - FRAME_SHARE) / len(self._topics)
            for template in group:
                for sides in template.variants:
                    yield sides.slots, share * template.weight / self._bounds[topic][-1] / len(template.variants)

    @classmethod
    def load(cls, folder: Path) -> PhraseBook:
        """Read and compile everything. Raises SettingsError, naming file and line, for whatever is malformed."""
        grammar = folder / "grammar"
        lexicon = Lexicon.load(grammar)
        actions = Actions.compile(lexicon)
        templates: dict[str, list[Template]] = {}
        files = sorted((grammar / "templates").glob("*.tsv"))
        if not files:
            raise SettingsError(f"{grammar / 'templates'}: no template files (*.tsv) are there")
        for file in (*files, grammar / "frames.tsv"):
            templates[file.stem] = [_template(lexicon, actions, line, file.stem) for line in read_table(file, 2)]
        sentences = [phrase for file in sorted((folder / "sentences").glob("*.tsv")) for phrase in _sentences(file)]
        return cls(lexicon, actions, {topic: group for topic, group in templates.items() if group}, sentences)

    def sentences(self) -> Sequence[Phrase]:
        """The sentences that are written out, in the order of the files; all of them are for training."""
        return self._sentences

    @property
    def grammar_topics(self) -> frozenset[str]:
        """Those that phrases can be drawn of, and none else are held out of."""
        verbs = (phrase.topic for phrase in self.lexicon.verb_phrases.values() if FRAMES in self.templates)
        return frozenset((*self._topics, *verbs))

    @property
    def topics(self) -> frozenset[str]:
        """Those of the grammar and of the sentences."""
        return self.grammar_topics | {phrase.topic for phrase in self._sentences}

    def sample(self, rng: random.Random, split: Split) -> Phrase:
        """Draw a sentence pair of the grammar: first the topic, then the template, then its fillers.

        Raises SettingsError if the grammar is so small that nothing of the split comes up.
        """
        for _ in range(MOST_TRIES):
            topic = FRAMES if FRAMES in self.templates and rng.random() < FRAME_SHARE else rng.choice(self._topics)
            bounds = self._bounds[topic]
            template = self.templates[topic][bisect(bounds, rng.random() * bounds[-1])]
            phrase = self.draw(rng, template, split)
            if phrase is not None:
                return phrase
        raise SettingsError(f'the grammar of the phrase book is too small: it has no sentence for the split "{split}"')

    def draw(self, rng: random.Random, template: Template, split: Split) -> Phrase | None:
        """Draw from one template; None if what comes is not of the split, too long, or names a thing twice."""
        index = rng.randrange(len(template.variants))
        sides = template.variants[index]
        fillers = sides.slots.draw(rng)
        if fillers is None or (bucket(_combination(template.identities[index], fillers), 10) == 0) != (
            split == "heldout"
        ):
            return None
        english = tidy(sides.english(fillers))
        text = canonical(english)
        if (bucket(text, 4) == 0) != (split == "heldout") or not 2 <= english.count(" ") + 1 <= LONGEST:
            return None
        german = self._written.get(text)
        if german is not None and split == "heldout":
            return None
        if rng.random() < 0.5:
            english = contract(english)
        topic = template.topic or next(f.phrase.topic for f in fillers.values() if isinstance(f, Action))
        return Phrase(english, german or tidy(sides.german(fillers)), topic, split)

    def all_templates(self) -> Iterator[Template]:
        return itertools.chain.from_iterable(self.templates.values())

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        texts = [phrase.english for phrase in self._sentences]
        texts.extend(self.every_filler())
        return frozenset(word.strip("'-") for text in texts for word in re.findall(r"[a-z][a-z'-]*", text.lower()))

    def every_filler(self) -> Iterator[str]:
        """English texts in which every candidate of every slot of every template and verb phrase occurs."""
        rng = random.Random(0)
        variants = [sides for template in self.all_templates() for sides in template.variants]
        for sides in itertools.chain(self.actions.sides.values(), variants):
            for name in sides.slots.specifications:
                for draw in sides.slots.one_by_one(name, self.actions.slots):
                    if (fillers := draw(rng)) is not None:
                        yield sides.english(fillers)

    def english_words(self) -> frozenset[str]:
        """Every English word, in lower case, of the grammar and the sentences (takes a few seconds the first time)."""
        return self._vocabulary


def _template(lexicon: Lexicon, actions: Actions, line: Line, topic: str) -> Template:
    source, target = line.fields
    template = Template(line, "" if topic == FRAMES else topic)
    for english, german in expand(line, source, target):
        template.variants.append(Sides(lexicon, line, english, german, actions))
        template.identities.append(f"{source} / {german}")
        if not template.variants[-1].slots.specifications and len(expand(line, source, target)) == 1:
            raise line.error("a template without slots belongs into the sentences")
    return template


def _combination(identity: str, fillers: Fillers) -> str:
    main = [key for filler in fillers.values() if not _minor(filler) for key in content_keys(filler)]
    return "|".join((identity, *(main or (key for filler in fillers.values() for key in content_keys(filler)))))


def _minor(filler: Filler) -> bool:
    if isinstance(filler, Pair):
        return any(MINOR_CLASSES.fullmatch(name) for name in filler.classes)
    return not isinstance(filler, Noun | Adjective | Action)


def _sentences(file: Path) -> Iterator[Phrase]:
    for line in read_table(file, 2):
        english, german = line.fields
        for text in (english, german):
            if not ALLOWED.fullmatch(text):
                raise line.error(f'"{text}" has a character that is not allowed')
        yield Phrase(english, german, file.stem, "train")
