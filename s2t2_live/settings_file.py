"""Writes what the user chose into the configuration file, and leaves the rest of it as the user wrote it.

Knows no window. Reading is the business of `settings`, which needs no more than Python brings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from s2t2_live.captions.files import reason
from s2t2_live.errors import OutputError, SettingsError
from s2t2_live.settings import SECTIONS, Settings, user_file
from s2t2_live.whole_file import write_whole


def values(settings: Settings) -> dict[str, Any]:
    """Every setting by its key, ``section.field``."""
    return {
        f"{section}.{entry.name}": getattr(getattr(settings, section), entry.name)
        for section, section_type in SECTIONS.items()
        for entry in fields(section_type)
    }


def save_settings(before: Settings, after: Settings, file: Path | None = None) -> None:
    """Write the settings in which the two differ; None is the user's own file, created where it is missing.

    What is set back to the default is taken out of the file. Comments, order and all other keys stay.

    Raises SettingsError where the file is not valid TOML, OutputError where it cannot be read or written.
    """
    old, new, defaults = values(before), values(after), values(Settings())
    changes = {key: None if new[key] == defaults[key] else new[key] for key in new if new[key] != old[key]}
    path = user_file() if file is None else file
    if changes:
        _replace(path, _changed(path, changes))


def _changed(path: Path, changes: Mapping[str, Any]) -> str:
    """The text of the file with the changes; None takes a key out."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        document = tomlkit.document()
    except OSError as error:
        raise _unwritable(path, error) from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration file {path} is not valid TOML: {error}.") from error
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if value is None:
            if section in document:
                document[section].pop(name, None)
        else:
            if section not in document:
                document[section] = tomlkit.table()
            document[section][name] = _plain(value)
    return tomlkit.dumps(document)


def _plain(value: Any) -> Any:
    """The value as TOML knows it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _replace(path: Path, text: str) -> None:
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), mode=0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"Cannot write the configuration file {path}: {reason(error)}; the settings hold until the end.")
