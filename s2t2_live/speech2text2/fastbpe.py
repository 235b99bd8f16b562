"""Byte-pair encoding as fastBPE does it: words into pieces by a ranked list of merges. Knows nothing of token ids.

Source: Sennrich, Haddow, Birch (2016), Neural Machine Translation of Rare Words with Subword Units;
https://github.com/glample/fastBPE. Pieces that do not end their word carry the suffix ``@@``.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from s2t2_live.speech2text2.json_files import write_text

END_OF_WORD = "</w>"
CONTINUES = "@@"


class FastBPE:
    """Ranked merges, and the pieces of every word seen so far."""

    def __init__(self, ranks: dict[tuple[str, ...], int]) -> None:
        self.ranks = ranks
        self._pieces: dict[str, list[str]] = {}

    @classmethod
    def load(cls, path: Path) -> FastBPE:
        """Reads a merges file: one merge a line, best first; columns after the second (counts) are ignored.

        A last line without a line end is not read, and a header counts as a merge: both as in transformers 4.37.2.
        """
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        return cls({tuple(line.split()[:2]): rank for rank, line in enumerate(lines)})

    def save(self, path: Path) -> None:
        """Writes the merges file, best merge first."""
        merges = sorted(self.ranks, key=self.ranks.__getitem__)
        write_text(path, "".join(" ".join(merge) + "\n" for merge in merges))

    def split(self, word: str) -> list[str]:
        """Returns the pieces of one word without white space, ``["wo@@", "rd"]``."""
        if len(word) == 1:
            return [word]
        pieces = self._pieces.get(word)
        if pieces is None:
            symbols = self._merge([*word[:-1], word[-1] + END_OF_WORD])
            # The marker goes from anywhere in the word, also where the text itself spells it.
            text = " ".join(symbols).replace(END_OF_WORD, "")
            pieces = self._pieces[word] = text.replace(" ", CONTINUES + " ").split(" ")
        return pieces

    def _merge(self, symbols: list[str]) -> list[str]:
        unranked = len(self.ranks)
        while len(symbols) > 1:
            best = min(pairwise(symbols), key=lambda pair: self.ranks.get(pair, unranked))
            if best not in self.ranks:
                break
            merged: list[str] = []
            position = 0
            while position < len(symbols):
                if tuple(symbols[position : position + 2]) == best:
                    merged.append(symbols[position] + symbols[position + 1])
                    position += 2
                else:
                    merged.append(symbols[position])
                    position += 1
            symbols = merged
        return symbols
