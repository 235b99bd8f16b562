"""Learning a fastBPE vocabulary from text (Sennrich et al. 2016, arXiv 1508.07909). Knows neither audio nor models."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
_PUNCTUATION = re.compile(r"\s*([.,?!])(?=\s|$)")


def separate_punctuation(text: str) -> str:
    """Put a space before `. , ? !` at the end of a word, as the tokenizer's clean-up expects them.

    A word then has one spelling wherever it stands, and streaming can hold back the end of a sentence.
    """
    return _PUNCTUATION.sub(r" \1", text).strip()


def learn_merges(texts: Iterable[str], size: int) -> tuple[list[tuple[str, str]], Counter[str]]:
    """Learn up to `size` merges from texts with separated punctuation.

    Returns the merges in order (the last symbol of a word carries `</w>`) and how often each symbol occurs after them.
    """
    words: dict[tuple[str, ...], int] = {}
    for text_word, count in Counter(word for text in texts for word in text.split()).items():
        words[(*text_word[:-1], text_word[-1] + "</w>")] = count
    symbols = list(words)
    counts = [words[word] for word in symbols]
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = {}
    for index, word in enumerate(symbols):
        for pair in pairwise(word):
            pairs[pair] += counts[index]
            where.setdefault(pair, set()).add(index)
    merges: list[tuple[str, str]] = []
    while len(merges) < size and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        merges.append(best)
        for index in where.pop(best):
            old = symbols[index]
            new = _merged(old, best)
            for pair in pairwise(old):
                pairs[pair] -= counts[index]
                if pairs[pair] <= 0:
                    del pairs[pair]
            for pair in pairwise(new):
                pairs[pair] += counts[index]
                where.setdefault(pair, set()).add(index)
            symbols[index] = new
        pairs.pop(best, None)
    usage: Counter[str] = Counter()
    for symbol_word, count in zip(symbols, counts, strict=True):
        usage.update(dict.fromkeys(symbol_word, count))
    return merges, usage


def _merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)


GERMAN_ALPHABET = "abcdefghijklmnopqrstuvwxyzäöüßéABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜ0123456789.,?!:-'"


def save_vocabulary(folder: Path, texts: Iterable[str], *, merges: int, alphabet: str = GERMAN_ALPHABET) -> int:
    """Learn from texts and write `vocab.json` and `merges.txt`; returns the size of the vocabulary.

    Every character of the alphabet and the texts is a token on its own, inside and at the end of a word, so any word
    that is spelled with them can be written. The order is that of fastBPE: special tokens, then by falling frequency.
    """
    texts = [separate_punctuation(text) for text in texts]
    learned, usage = learn_merges(texts, merges)
    for character in sorted(set("".join(texts)) - {" "} | set(alphabet)):
        usage[character] += 0
        usage[character + "</w>"] += 0
    for first, second in learned:
        usage[first + second] += 0
    pieces = sorted(usage, key=lambda piece: (-usage[piece], piece))
    tokens = [piece[: -len("</w>")] if piece.endswith("</w>") else piece + "@@" for piece in pieces]
    vocabulary = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *tokens))}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    (folder / "merges.txt").write_text("".join(f"{a} {b} 1\n" for a, b in learned), encoding="utf-8")
    return len(vocabulary)
