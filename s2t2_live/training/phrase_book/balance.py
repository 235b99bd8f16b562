"""Weights for the entries of all slots, so that rare words are drawn nearly as often as frequent ones.

A noun that stands in one small template would otherwise come up a hundred times less often than one that fits many.
Knows nothing of how slots are written.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from s2t2_live.training.phrase_book.entries import VerbPhrase
from s2t2_live.training.phrase_book.slots import Slots

ROUNDS = 4
LIMIT = 30.0
"""How much more weight than another entry one may have in the same slot, at most."""


def balance(templates: Iterable[tuple[Slots, float]], actions: Mapping[str, Slots]) -> None:
    """Give each entry a weight by its expected frequency. `templates` come with the probability of being drawn.

    Each round computes how often every entry is drawn under the present weights, and moves each weight by the root
    of the ratio of the mean to that frequency.
    """
    templates = list(templates)
    weights: dict[tuple[type, str], float] = {}
    for _ in range(ROUNDS):
        frequency: defaultdict[tuple[type, str], float] = defaultdict(float)
        for slots, probability in templates:
            _count(slots, probability, frequency)
        for key, slots in actions.items():
            _count(slots, frequency[VerbPhrase, key], frequency)
        mean = sum(frequency.values()) / len(frequency)
        for entry, expected in frequency.items():
            if expected > 0:
                moved = weights.get(entry, 1.0) * math.sqrt(mean / expected)
                weights[entry] = min(max(moved, 1 / math.sqrt(LIMIT)), math.sqrt(LIMIT))
        for slots in (*actions.values(), *(slots for slots, _ in templates)):
            for choice in slots.choices:
                choice.reweigh([weights.get((type(entry), entry.key), 1.0) for entry in choice.entries])


def _count(slots: Slots, probability: float, frequency: defaultdict[tuple[type, str], float]) -> None:
    for choice in slots.choices:
        share = probability / sum(choice.weights)
        for entry, weight in zip(choice.entries, choice.weights, strict=True):
            frequency[type(entry), entry.key] += share * weight
