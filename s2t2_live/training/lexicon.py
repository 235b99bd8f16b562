"""Which English word a German word comes from, learned from nothing but the sentence pairs.

IBM Model 1 (Brown et al. 1993) with a preference for the diagonal (after Dyer et al. 2013). Knows neither audio nor
models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

ROUNDS = 5
"""Of expectation maximisation; afterwards hardly a link changes."""
DIAGONAL = 1.5
"""How much a link loses in log-probability that goes from one end of a sentence to the other."""
NULL = 0.3
"""Weight of the empty word, from which come words that nothing in the English stands for."""


class Lexicon:
    """Translation probabilities of the word pairs that come together in a sentence pair."""

    def __init__(self, pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        """Learn from pairs of English and German words. Word 0 of the English is the empty one."""
        self._english: dict[str, int] = {}
        self._german: dict[str, int] = {}
        links: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for english, german in pairs:
            sources = np.array([0, *(self._english.setdefault(word, len(self._english) + 1) for word in english)])
            targets = np.array([self._german.setdefault(word, len(self._german)) for word in german], dtype=np.int64)
            if len(targets):
                links.append((sources, targets))
        self._probabilities = self._learn(links)

    def align(self, english: Sequence[str], german: Sequence[str]) -> list[int | None]:
        """For each German word the index of the English word that it comes from; None where there is none."""
        found: list[int | None] = []
        columns = np.arange(len(english)) / max(1, len(english) - 1)
        for row, word in enumerate(german):
            place = row / max(1, len(german) - 1)
            scores = [self._probability(None, word) * NULL]
            scores += [self._probability(source, word) for source in english]
            scores[1:] = (np.array(scores[1:]) * np.exp(-DIAGONAL * np.abs(columns - place))).tolist()
            best = int(np.argmax(scores))
            found.append(best - 1 if best else None)
        return found

    def _probability(self, english: str | None, german: str) -> float:
        source = 0 if english is None else self._english.get(english)
        target = self._german.get(german)
        if source is None or target is None:
            return 0.0
        return self._probabilities.get(source * len(self._german) + target, 0.0)

    def _learn(self, links: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> dict[int, float]:
        if not links:
            return {}
        size = len(self._german)
        # One cell for each pair of words of each sentence pair; the cells of one German word lie side by side.
        cells = np.concatenate([np.add.outer(targets, sources * size).ravel() for sources, targets in links])
        groups = np.concatenate([np.full(len(targets), len(sources)) for sources, targets in links])
        starts = np.cumsum(groups) - groups
        keys, inverse = np.unique(cells, return_inverse=True)
        probabilities = np.ones(len(keys))
        for _ in range(ROUNDS):
            share = probabilities[inverse]
            share /= np.repeat(np.add.reduceat(share, starts), groups)
            counts = np.bincount(inverse, share, len(keys))
            probabilities = counts / np.bincount(keys // size, counts)[keys // size]
        return dict(zip(keys.tolist(), probabilities.tolist(), strict=True))
