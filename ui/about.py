"""Small dialogs about the program itself. Know nothing of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from s2t2_live.version import __version__


def show_shortcuts(parent: QWidget, table: Sequence[tuple[str, str]]) -> None:
    """What each key does."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>&nbsp;&nbsp;{escape(keys)}</td></tr>" for name, keys in table)
    _tell(parent, "Keyboard shortcuts", f"<table cellpadding=3>{rows}</table>")


def show_about(parent: QWidget) -> None:
    """Name, version and licence."""
    _tell(
        parent,
        "About s2t2-live",
        f"<p><b>s2t2-live {__version__}</b></p><p>Translates speech while it is spoken, on this computer alone.</p>"
        "<p>Apache License 2.0</p>",
    )


def _tell(parent: QWidget, title: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, parent)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
