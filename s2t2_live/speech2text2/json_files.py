"""Reads and writes the JSON objects and other texts of a model folder. Knows nothing of what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from s2t2_live.errors import CheckpointError, OutputError


def read_object(path: Path) -> dict[str, Any]:
    """Returns the JSON object that a file holds.

    Raises:
        CheckpointError: the file is missing, unreadable, not JSON, or not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"The model folder {path.parent} has no {path.name}; use a complete folder.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); replace it by a good copy.") from error
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); replace it by a good copy.") from error
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise CheckpointError(f"{path} holds a JSON {kind}, not a JSON object; replace it by a good copy.")
    return value


def write_object(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON object as transformers does: sorted, indented by two, ending with a line end. As `write_text`."""
    write_text(path, object_text(value))


def object_text(value: Mapping[str, Any]) -> str:
    """What `write_object` writes."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Writes a file of a model folder, which is made if need be.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; choose another folder.") from error
