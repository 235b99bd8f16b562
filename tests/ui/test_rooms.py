"""What the window must not know, and what its library must not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

ROOT = Path(__file__).resolve().parent.parent.parent
FORBIDDEN = {"torch", "sounddevice"}


@pytest.mark.parametrize("path", sorted((ROOT / "ui").glob("*.py")), ids=lambda path: path.stem)
def test_no_module_of_the_window_imports_the_model_or_the_devices(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not FORBIDDEN & {name.partition(".")[0] for name in named}


def test_the_window_comes_up_without_them() -> None:
    """Torch alone takes seconds, so it must not be imported by what the window imports either."""
    program = f"import sys, ui.app; heavy = {FORBIDDEN} & sys.modules.keys(); assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_pyside_keeps_its_references_to_none() -> None:
    """PySide6 6.12.0 lost one with each call under Python 3.11, and the process died of it after some thousand."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("thing")
    assert sys.getrefcount(None) > before - 500
