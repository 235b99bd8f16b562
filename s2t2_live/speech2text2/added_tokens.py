"""Tokens that stand whole in a text: the special tokens, and those that a user added. Knows nothing of merges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""What special tokens are for, in the order in which they are added to a vocabulary."""


@dataclass(frozen=True)
class AddedToken:
    """A token that is never split, with the switches that transformers stores for it."""

    content: str
    single_word: bool = False
    """Only where no other word touches it."""
    lstrip: bool = False
    """Takes the white space on its left with it."""
    rstrip: bool = False
    """Takes the white space on its right with it."""
    normalized: bool = True
    """Lower-cased with the text, where the tokenizer lower-cases."""
    special: bool = False
    """Left out of a text decoded with ``skip_special_tokens``."""

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], **changes: Any) -> AddedToken:
        """Reads what a tokenizer's files hold; unknown fields are ignored."""
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        if "normalized" not in known:
            known["normalized"] = not (changes.get("special") or known.get("special"))
        return replace(cls(**known), **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns all fields, as ``tokenizer_config.json`` holds them."""
        return asdict(self)

    def __str__(self) -> str:
        return self.content


def special(content: str) -> AddedToken:
    """Returns the special token that a plain string stands for."""
    return AddedToken(content, normalized=False, special=True)


def split_at_tokens(text: str, tokens: Iterable[AddedToken]) -> list[str | AddedToken]:
    """Cuts a text at the added tokens: the leftmost first, of those that start together the longest.

    Returns:
        pieces of text, none empty, and the tokens between them.
    """
    by_content = {token.content: token for token in tokens if token.content}
    if not by_content:
        return [text] if text else []
    pattern = "|".join(re.escape(content) for content in sorted(by_content, key=len, reverse=True))
    parts = [part for part in re.split(f"({pattern})", text) if part]
    pieces: list[str | AddedToken] = [by_content.get(part, part) for part in parts]

    for index, token in enumerate(pieces):
        if not isinstance(token, AddedToken):
            continue
        left = pieces[index - 1] if index > 0 else None
        right = pieces[index + 1] if index + 1 < len(pieces) else None
        if token.rstrip and isinstance(right, str):
            pieces[index + 1] = right = right.lstrip()
        if token.lstrip and isinstance(left, str):
            pieces[index - 1] = left = left.rstrip()
        if token.single_word and isinstance(left, str) and left and not left.endswith(" "):
            pieces[index - 1], pieces[index] = left + token.content, ""
        elif token.single_word and isinstance(right, str) and right and not right.startswith(" "):
            pieces[index + 1], pieces[index] = token.content + right, ""
    return [piece for piece in pieces if piece]
