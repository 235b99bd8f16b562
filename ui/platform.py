"""What the platform does not let a window do, in words for the user. Knows no window of ours."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QGuiApplication


@dataclass(frozen=True, slots=True)
class Limits:
    """Why something is impossible here; None where it is possible."""

    on_top: str | None = None
    """To stay above other windows."""
    position: str | None = None
    """To be put, by keyboard or from memory, at a place on the screen."""


NONE = Limits()
WAYLAND = Limits(
    on_top="Under Wayland only the desktop can keep a window on top. Choose “Always on Top” in its window menu "
    "(Alt+Space, in KDE Alt+F3), or start this program with QT_QPA_PLATFORM=xcb.",
    position="Under Wayland a program cannot place its windows. Drag the strip with the mouse, use the window menu of "
    "the desktop (Alt+Space, in KDE Alt+F3), or start this program with QT_QPA_PLATFORM=xcb.",
)


def limits() -> Limits:
    """Those of the platform that the application runs on."""
    return WAYLAND if QGuiApplication.platformName().startswith("wayland") else NONE
