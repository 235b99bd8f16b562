"""What the writers of both languages share: how a slot is checked, who its subject is, and what agrees with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NoReturn

from s2t2_live.training.phrase_book.entries import Adjective, Noun
from s2t2_live.training.phrase_book.slots import Fillers, Slots, SlotText
from s2t2_live.training.phrase_book.subjects import PRONOUNS, Subject
from s2t2_live.training.phrase_book.table import Line

Write = Callable[[Fillers], str]

OWNER = "the subject"
"""Key of the subject among the fillers of a verb phrase; no slot can have this name."""


class Writer(ABC):
    """Compiles the slots of one side of a template to functions from the fillers to text."""

    def __init__(self, slots: Slots, line: Line) -> None:
        self.slots = slots
        self.line = line

    @abstractmethod
    def compile(self, slot: SlotText) -> Write:
        """The function that writes a slot. Raises SettingsError for a slot that makes no sense."""

    def fault(self, slot: SlotText) -> NoReturn:
        raise self.line.error(f'the slot "{{{slot.raw}}}" is not understood')

    def subject_of(self, slot: SlotText) -> Callable[[Fillers], Subject]:
        """Who acts in the verb phrase of a slot: the pronoun that it names, else the slot s, else "you"."""
        named = next((PRONOUNS[word] for word in slot.words if word in PRONOUNS), None)
        follows_slot = named is None and "s" in self.slots.specifications
        constant = named or PRONOUNS["you"]

        def subject(fillers: Fillers) -> Subject:
            found = fillers["s"] if follows_slot else constant
            return found if isinstance(found, Subject) else constant

        return subject

    def agreement(self, slot: SlotText, finite: Callable[[str, str, Subject | Noun | None, bool], str]) -> Write:
        """Writes `{=verb x}`: `finite` gets the verb, the tense, what it agrees with, and whether that is plural."""
        verb, _, tense = slot.words[0][1:].partition(".")
        constant = next((PRONOUNS[word] for word in slot.words[1:] if word in PRONOUNS), None)
        if (constant is None and not slot.head) or tense not in ("", "past"):
            self.fault(slot)

        def write(fillers: Fillers) -> str:
            agreeing = constant or fillers[slot.head]
            return finite(verb, tense, agreeing if isinstance(agreeing, Subject | Noun) else None, slot.plural)

        return write


def adjective(filler: object) -> Adjective:
    assert isinstance(filler, Adjective)
    return filler


def owner(fillers: Fillers) -> Subject:
    """To whom `own` refers: the subject of the verb phrase, else the slot s."""
    found = fillers.get(OWNER) or fillers.get("s") or PRONOUNS["you"]
    assert isinstance(found, Subject)
    return found
