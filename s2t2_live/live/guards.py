"""Guards against a decoder that runs on or runs in circles. They know token ids and seconds, no model."""

from __future__ import annotations

from collections.abc import Sequence

TOKENS_PER_SECOND = 10.0
"""No one speaks so fast that a translation needs more, whatever the language."""
SHORTEST_BUDGET = 12
"""Tokens that even the shortest stretch may take."""
LONGEST_PHRASE = 12
"""Tokens of the longest phrase that is looked for."""


def token_budget(seconds: float) -> int:
    """How many tokens a translation of so much audio may have."""
    return SHORTEST_BUDGET + int(TOKENS_PER_SECOND * seconds)


def collapse_repeats(tokens: Sequence[int], *, keep: int = 0) -> tuple[int, ...]:
    """Tokens in which a phrase that comes three times or more in a row is left once; a single token, six times.

    People do say "very, very", and a number may have five zeros, but no one says a phrase three times over. The first
    `keep` tokens stay as they are. A loop that is cut off inside the phrase ends the tokens.
    """
    tokens = tuple(tokens)
    result: list[int] = []
    at = 0
    while at < len(tokens):
        size, copies = _run(tokens, at)
        if not copies:
            result.append(tokens[at])
            at += 1
            continue
        phrase, end = tokens[at : at + size], at + size * copies
        result.extend(tokens[at : max(at + size, min(keep, end))])
        rest = tokens[end:]
        if len(rest) < size and rest == phrase[: len(rest)]:
            result.extend(tokens[end:keep])
            break
        at = end
    return tuple(result)


def _run(tokens: tuple[int, ...], at: int) -> tuple[int, int]:
    """Size and count of the shortest phrase that is repeated too often from here; (0, 0) for none."""
    for size in range(1, min(LONGEST_PHRASE, (len(tokens) - at) // 3) + 1):
        phrase = tokens[at : at + size]
        copies = 1
        while tokens[at + copies * size : at + (copies + 1) * size] == phrase:
            copies += 1
        if copies >= (6 if size == 1 else 3):
            return size, copies
    return 0, 0
