"""Tokens and their ids, and the roles of the special ones. Knows nothing of text, merges and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from s2t2_live.errors import TokenInputError
from s2t2_live.speech2text2.added_tokens import ROLES, AddedToken, special


def _role(role: str) -> property:
    def get(self: Vocabulary) -> str | None:
        token = self._special[role]
        return None if token is None else str(token)

    def change(self: Vocabulary, token: str | AddedToken | None) -> None:
        self._special[role] = None if token is None else _checked(role, token)

    return property(get, change, doc=f"The special token with the role {role!r}, or None.")


def _role_id(role: str) -> property:
    def get(self: Vocabulary) -> int | None:
        token = self._special[role]
        return None if token is None else self.id_of(str(token))

    def change(self: Vocabulary, index: int | None) -> None:
        self._special[role] = None if index is None else self.token_of(int(index))

    return property(get, change, doc=f"The id of the special token with the role {role!r}, or None.")


class Vocabulary:
    """A table of tokens and ids, with special tokens and tokens that a user added on top."""

    bos_token, bos_token_id = _role("bos_token"), _role_id("bos_token")
    eos_token, eos_token_id = _role("eos_token"), _role_id("eos_token")
    unk_token, unk_token_id = _role("unk_token"), _role_id("unk_token")
    sep_token, sep_token_id = _role("sep_token"), _role_id("sep_token")
    pad_token, pad_token_id = _role("pad_token"), _role_id("pad_token")
    cls_token, cls_token_id = _role("cls_token"), _role_id("cls_token")
    mask_token, mask_token_id = _role("mask_token"), _role_id("mask_token")

    def __init__(
        self,
        encoder: dict[str, int],
        special_tokens: Mapping[str, str | AddedToken | None],
        additional_special_tokens: Iterable[str | AddedToken] = (),
        added_tokens: Mapping[int, AddedToken] | None = None,
        *,
        do_lower_case: bool = False,
    ) -> None:
        """Takes the table and adds the special tokens that it lacks at its end.

        Args:
            encoder: token to id.
            special_tokens: by role, ``{"bos_token": "<s>", …}``.
            additional_special_tokens: special tokens without a role.
            added_tokens: id to token, with ids of their own.
            do_lower_case: lower-case the ordinary tokens that are added.
        """
        self.encoder = encoder
        self.decoder = {index: token for token, index in encoder.items()}
        self.do_lower_case = do_lower_case
        self._special = {role: special_tokens.get(role) for role in ROLES}
        self.additional_special_tokens = additional_special_tokens
        self._added: dict[int, AddedToken] = {}
        self._added_ids: dict[str, int] = {}
        for index, token in (added_tokens or {}).items():
            self._register(index, token)
        self.add_tokens(self._special_values(), special_tokens=True)

    @property
    def vocab_size(self) -> int:
        """Number of ids without the added tokens."""
        return len(self.decoder)

    def __len__(self) -> int:
        return len(self.get_vocab())

    def get_vocab(self) -> dict[str, int]:
        """Returns token to id, with the added tokens."""
        return self.encoder | self._added_ids

    def get_added_vocab(self) -> dict[str, int]:
        """Returns token to id of the special and added tokens."""
        return dict(self._added_ids)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The special and added tokens by id."""
        return dict(sorted(self._added.items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of the special and added tokens, in their order."""
        return {token.content: index for index, token in self.added_tokens_decoder.items()}

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """The special tokens by role, ``{"bos_token": "<s>", …}``."""
        return {
            role: [str(token) for token in value] if isinstance(value, list) else str(value)
            for role, value in self.special_tokens_map_extended.items()
        }

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """The special tokens by role, with the switches of those that have some."""
        roles: dict[str, Any] = {role: token for role, token in self._special.items() if token}
        return roles | ({"additional_special_tokens": self._additional_special} if self._additional_special else {})

    @property
    def all_special_tokens(self) -> list[str]:
        """The special tokens, each once."""
        return list(dict.fromkeys(str(token) for token in self._special_values()))

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of the special tokens."""
        return [self.id_of(token) for token in self.all_special_tokens]

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a role. Setting them adds none to the vocabulary; `add_special_tokens` does."""
        return [str(token) for token in self._additional_special]

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens: Iterable[str | AddedToken] | None) -> None:
        self._additional_special = _several(tokens)

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        """The ids of the special tokens without a role."""
        return [self.id_of(token) for token in self.additional_special_tokens]

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, ids: Iterable[int]) -> None:
        self._additional_special = [self.token_of(int(index)) for index in ids]

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """Adds tokens that are never split, with ids after the table's; returns how many ids are new.

        Args:
            new_tokens: a string, an `AddedToken`, or several.
            special_tokens: treat them as special, so that ``skip_special_tokens`` leaves them out.
        """
        many = [new_tokens] if isinstance(new_tokens, str | AddedToken) else list(new_tokens)
        vocabulary = self.get_vocab()
        size = len(vocabulary)
        for token in many:
            if isinstance(token, str):
                if not token or token in self._added_ids:
                    continue
                is_special = special_tokens or token in self.all_special_tokens
                token = special(token) if is_special else AddedToken(token)
            elif special_tokens:
                token = replace(token, special=True)
            if self.do_lower_case and token.normalized and not token.special:
                token = replace(token, content=token.content.lower())
            index = vocabulary.setdefault(token.content, len(vocabulary))
            if token.special and token.content not in self.all_special_tokens:
                self._additional_special.append(token)
            self._register(index, token)
        return len(vocabulary) - size

    def add_special_tokens(
        self, special_tokens_dict: Mapping[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Gives roles to special tokens, ``{"pad_token": "<pad>"}``, and adds those that are new; returns how many.

        Args:
            special_tokens_dict: by role, and a list of ``additional_special_tokens``.
            replace_additional_special_tokens: False keeps those that are there too.

        Raises:
            TokenInputError: an unknown role, or something else than a token.
        """
        for role, value in special_tokens_dict.items():
            if role == "additional_special_tokens":
                kept = [] if replace_additional_special_tokens else self._additional_special
                known = [str(token) for token in kept]
                tokens = [special(token) if isinstance(token, str) else token for token in _several(value)]
                self._additional_special = kept + [token for token in tokens if str(token) not in known]
            elif role in ROLES:
                self._special[role] = special(value) if isinstance(value, str) else _checked(role, value)
            else:
                raise TokenInputError(f"{role!r} is not a role of special tokens; use one of {', '.join(ROLES)}.")
        return self.add_tokens(self._special_values(), special_tokens=True)

    def id_of(self, token: str) -> int:
        """Returns the id of a token, that of ``<unk>`` for an unknown one."""
        known = self._added_ids.get(token, self.encoder.get(token))
        if known is None:
            known = self._added_ids.get(str(self.unk_token))
        if known is None:
            raise TokenInputError(f"The token {token!r} is unknown, and the tokenizer has no token for unknown ones.")
        return known

    def token_of(self, index: int) -> str:
        """Returns the token of an id, ``<unk>`` for an unknown one."""
        added = self._added.get(index)
        return added.content if added is not None else self.decoder.get(index, str(self.unk_token))

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """Returns the id of a token, or the ids of several; unknown ones get the id of ``<unk>``."""
        if tokens is None:
            return None
        return self.id_of(tokens) if isinstance(tokens, str) else [self.id_of(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Returns the token of an id, or the tokens of several; ids out of range give ``<unk>``."""
        if isinstance(ids, int):
            return self.token_of(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self.token_of(int(index)) for index in ids if int(index) not in skipped]

    def _special_values(self) -> list[str | AddedToken]:
        return [token for token in self._special.values() if token] + self._additional_special

    def _register(self, index: int, token: AddedToken) -> None:
        self._added[index] = token
        self._added_ids[token.content] = index


def _several(tokens: Iterable[str | AddedToken] | None) -> list[str | AddedToken]:
    role = "additional_special_tokens"
    if isinstance(tokens, str | AddedToken):
        raise TokenInputError(f"{role} is the token {str(tokens)!r}; give a list of tokens.")
    return [_checked(role, token) for token in tokens or ()]


def _checked(role: str, token: str | AddedToken) -> str | AddedToken:
    if not isinstance(token, str | AddedToken):
        raise TokenInputError(f"{role} is {token!r}; give a token, not its id.")
    return token
