"""Where the files that ship with the program lie. Knows nothing of what is in them."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """Returns the path of a shipped file or folder.

    Args:
        name: path below the assets folder, for example ``"demo-en-de"``.

    An installed wheel keeps its assets inside the package, a checkout beside it.

    Raises:
        FileNotFoundError: this installation does not have it.
    """
    for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"The shipped file {name!r} is missing from this installation; install s2t2-live again.")
