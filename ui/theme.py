"""Light, dark and the system's colours, and the distances between widgets. Knows no widget of this window."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from s2t2_live.settings import Contrast
from s2t2_live.settings import Theme as ThemeName

SMALL, MEDIUM, LARGE = 4, 8, 16
"""Distances in device-independent pixels: inside a group, between controls, around a dialog."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours as ``#rrggbb``. All that is read stands out from what is behind it by at least 4.5 to 1 (WCAG 2.2 AA)."""

    dark: bool
    window: str
    """Behind controls."""
    surface: str
    """Behind captions, and in fields."""
    raised: str
    """Buttons."""
    border: str
    text: str
    muted: str
    """Time stamps and hints; on `window`, `surface` and `raised`."""
    tentative: str
    """Words that may still change; on `surface`."""
    uncertain: str
    """Captions that the model itself doubts; on `surface`."""
    gap: str
    """Where audio was lost, and errors; on `surface` and `window`."""
    accent: str
    """Selection, progress and focus."""
    on_accent: str
    good: str
    """The level of a voice; the next two are when it is loud, and clipped. Three to one on `surface`."""
    warning: str
    critical: str


LIGHT = Colours(
    dark=False,
    window="#f3f4f6",
    surface="#ffffff",
    raised="#fbfbfc",
    border="#c4c9d0",
    text="#1b1f24",
    muted="#59616b",
    tentative="#59616b",
    uncertain="#8a4b00",
    gap="#b3261e",
    accent="#0b57d0",
    on_accent="#ffffff",
    good="#1a7f37",
    warning="#9a6700",
    critical="#cf222e",
)
DARK = Colours(
    dark=True,
    window="#202327",
    surface="#16181b",
    raised="#2b2f35",
    border="#4a5059",
    text="#e8eaed",
    muted="#a9b1bb",
    tentative="#a9b1bb",
    uncertain="#e3b341",
    gap="#ff9a8f",
    accent="#8ab4f8",
    on_accent="#10151d",
    good="#3fb950",
    warning="#d29922",
    critical="#ff6a60",
)
HIGH_LIGHT = replace(
    LIGHT, surface="#ffffff", text="#000000", muted="#3a3f45", tentative="#3a3f45", uncertain="#6b3500", gap="#8c1610"
)
HIGH_DARK = replace(
    DARK, surface="#000000", text="#ffffff", muted="#d3d7dc", tentative="#d3d7dc", uncertain="#ffd75e", gap="#ffb4ab"
)
"""Seven to one on `surface` (WCAG 2.2 AAA)."""


class Theme(QObject):
    """Gives the application its palette, and follows the system's change between day and night where it is told to."""

    changed = Signal(Colours)

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._name: ThemeName = "system"
        self._contrast: Contrast = "normal"
        self.colours = LIGHT
        application.setStyle("Fusion")
        application.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def choose(self, name: ThemeName, contrast: Contrast = "normal") -> None:
        """`contrast` is that of the captions."""
        self._name, self._contrast = name, contrast
        hints = self._application.styleHints()
        # The frame of the window follows too, where the platform has a say in that.
        if name == "system":
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(Qt.ColorScheme.Dark if name == "dark" else Qt.ColorScheme.Light)
        self._apply()

    def _system_changed(self) -> None:
        if self._name == "system":
            self._apply()

    def _apply(self) -> None:
        dark = system_is_dark() if self._name == "system" else self._name == "dark"
        self.colours = colours(dark=dark, contrast=self._contrast)
        self._application.setPalette(palette(self.colours))
        self.changed.emit(self.colours)


def system_is_dark() -> bool:
    """Whether the desktop is; False where it does not say."""
    return QApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark


def colours(*, dark: bool, contrast: Contrast) -> Colours:
    """The colours of a theme."""
    if contrast == "high":
        return HIGH_DARK if dark else HIGH_LIGHT
    return DARK if dark else LIGHT


def palette(colours: Colours) -> QPalette:
    """The colours as Qt's own widgets use them."""
    result = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.window,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.BrightText: colours.gap,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Accent: colours.accent,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.LinkVisited: colours.accent,
        QPalette.ColorRole.Light: colours.raised,
        QPalette.ColorRole.Midlight: colours.border,
        QPalette.ColorRole.Mid: colours.border,
        QPalette.ColorRole.Dark: colours.border,
        QPalette.ColorRole.Shadow: "#000000",
    }
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    disabled = QColor(colours.muted)
    disabled.setAlphaF(0.65)
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, disabled)
    result.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor(colours.border))
    return result
