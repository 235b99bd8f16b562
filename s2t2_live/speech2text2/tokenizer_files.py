"""The files of a tokenizer, in the layouts of transformers 4.37.2 and of the years before it.

Knows nothing of encoding and decoding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s2t2_live.errors import CheckpointError
from s2t2_live.speech2text2.added_tokens import ROLES, AddedToken, special
from s2t2_live.speech2text2.fastbpe import FastBPE
from s2t2_live.speech2text2.json_files import read_object, write_object

VOCAB_FILE = "vocab.json"
MERGES_FILE = "merges.txt"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"


def read_vocabulary(path: Path) -> dict[str, int]:
    """Returns token to id.

    Raises:
        CheckpointError: no such file, or something else than a JSON object of integers.
    """
    vocabulary = read_object(path)
    wrong = [token for token, index in vocabulary.items() if not isinstance(index, int)]
    if wrong:
        raise CheckpointError(f"{path} gives the token {wrong[0]!r} no integer id; replace it by a good copy.")
    return vocabulary


def read_merges(path: Path) -> FastBPE:
    """Returns the merges.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        return FastBPE.load(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"The merges file {path} cannot be read ({error}); replace it by a good copy.") from error


def read_options(folder: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments with which the tokenizer of a folder is to be made.

    Args:
        folder: has vocab.json, and possibly merges.txt, tokenizer_config.json, special_tokens_map.json and
            added_tokens.json; the last two count only where the configuration has no ``added_tokens_decoder``.
        overrides: arguments that win over what the files say.

    Raises:
        CheckpointError: a file is broken.
    """
    path = folder / CONFIG_FILE
    options = read_object(path) if path.exists() else {}
    for name in ("tokenizer_class", "init_inputs", "special_tokens_map_file", "tokenizer_file"):
        options.pop(name, None)
    options = {name: _token(value) for name, value in options.items()} | overrides
    if "added_tokens_decoder" in options:
        added = {int(index): _added(token) for index, token in options["added_tokens_decoder"].items()}
        by_content = {token.content: token for token in added.values()}
        roles = [role for role in ROLES if role in options]
        options |= {role: by_content.get(str(options[role]), options[role]) for role in roles}
    else:
        added = _read_older_files(folder, options, overrides)
    options["added_tokens_decoder"] = added
    options.setdefault("vocab_file", folder / VOCAB_FILE)
    if (folder / MERGES_FILE).exists():
        options.setdefault("merges_file", folder / MERGES_FILE)
    return options


def write_options(
    folder: Path, options: dict[str, Any], special_tokens: dict[str, Any], vocab_size: int, filename_prefix: str | None
) -> tuple[str, ...]:
    """Writes the files of a tokenizer but for the vocabulary and the merges; returns their paths.

    Tokens with ids from ``vocab_size`` on go into added_tokens.json too, where older versions look for them.
    """
    added: dict[int, AddedToken] = options["added_tokens_decoder"]
    contents: dict[str, dict[str, Any]] = {
        CONFIG_FILE: {name: _saved(value, typed=True) for name, value in options.items()}
        | {"added_tokens_decoder": {index: token.to_dict() for index, token in added.items()}},
        SPECIAL_TOKENS_FILE: {role: _saved(value, typed=False) for role, value in special_tokens.items()},
    }
    beyond = {token.content: index for index, token in added.items() if index >= vocab_size}
    if beyond:
        contents[ADDED_TOKENS_FILE] = beyond
    paths = {folder / prefixed(name, filename_prefix): value for name, value in contents.items()}
    for path, value in paths.items():
        write_object(path, value)
    return tuple(map(str, paths))


def prefixed(name: str, filename_prefix: str | None) -> str:
    """The name of a file, behind the prefix and a hyphen if there is one."""
    return f"{filename_prefix}-{name}" if filename_prefix else name


def _read_older_files(folder: Path, options: dict[str, Any], overrides: dict[str, Any]) -> dict[int, AddedToken]:
    """Puts the special tokens of special_tokens_map.json into the options; returns those of added_tokens.json."""
    path = folder / SPECIAL_TOKENS_FILE
    for role, value in (read_object(path) if path.exists() else {}).items():
        if overrides.get(role):
            continue
        if isinstance(value, dict):
            options[role] = AddedToken.from_dict(value, special=True)
        elif role == "additional_special_tokens":
            known = options.setdefault(role, [])
            tokens = [
                AddedToken.from_dict(token, special=True) if isinstance(token, dict) else token for token in value
            ]
            known += [token for token in tokens if token not in known]
        else:
            options[role] = value
    path = folder / ADDED_TOKENS_FILE
    specials = {str(options[role]) for role in ROLES if options.get(role)}
    specials |= {str(token) for token in options.get("additional_special_tokens") or []}
    return {
        index: special(content) if content in specials else AddedToken(content)
        for content, index in (read_object(path) if path.exists() else {}).items()
    }


def _added(token: Any) -> AddedToken:
    if isinstance(token, AddedToken):
        return token
    if isinstance(token, dict) and isinstance(token.get("content"), str):
        return AddedToken.from_dict(token)
    raise CheckpointError(f"{CONFIG_FILE} holds an added token that is not an object with content: {token!r}.")


def _token(value: Any) -> Any:
    """Turns the objects that transformers marks as added tokens into such."""
    if isinstance(value, list):
        return [_token(item) for item in value]
    if isinstance(value, dict) and value.get("__type") == "AddedToken":
        return AddedToken.from_dict(value)
    return value


def _saved(value: Any, *, typed: bool) -> Any:
    if isinstance(value, list):
        return [_saved(item, typed=typed) for item in value]
    if not isinstance(value, AddedToken):
        return value
    fields = value.to_dict()
    if typed:
        return fields | {"__type": "AddedToken"}
    del fields["special"]
    return fields
