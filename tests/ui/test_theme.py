"""The themes: what is read can be read, and the system's day and night are followed only where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui.theme import DARK, HIGH_DARK, HIGH_LIGHT, LIGHT, Colours, Theme, palette

THEMES = [LIGHT, DARK, HIGH_LIGHT, HIGH_DARK]


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    before = QPalette(qapp.palette())
    theme = Theme(qapp)
    yield theme
    qapp.styleHints().unsetColorScheme()
    theme.deleteLater()
    qapp.setPalette(before)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    """Contrast (WCAG 2.2)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_of_the_contrast() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", THEMES)
def test_what_is_read_stands_out(colours: Colours) -> None:
    for back in (colours.window, colours.surface, colours.raised):
        for front in (colours.text, colours.muted, colours.gap):
            assert ratio(front, back) >= 4.5, (front, back)
    for front in (colours.tentative, colours.uncertain, colours.accent):
        assert ratio(front, colours.surface) >= 4.5, front
    assert ratio(colours.on_accent, colours.accent) >= 4.5


@pytest.mark.parametrize("colours", THEMES)
def test_the_level_stands_out(colours: Colours) -> None:
    for front in (colours.good, colours.warning, colours.critical):
        assert ratio(front, colours.surface) >= 3, front


@pytest.mark.parametrize("colours", [HIGH_LIGHT, HIGH_DARK])
def test_captions_in_high_contrast(colours: Colours) -> None:
    for front in (colours.text, colours.muted, colours.tentative, colours.uncertain, colours.gap):
        assert ratio(front, colours.surface) >= 7, front


@pytest.mark.parametrize("colours", THEMES)
def test_every_text_of_the_palette_can_be_read(qapp: QApplication, colours: Colours) -> None:
    made = palette(colours)
    role = QPalette.ColorRole
    pairs = [
        (role.WindowText, role.Window),
        (role.Text, role.Base),
        (role.Text, role.AlternateBase),
        (role.ButtonText, role.Button),
        (role.ToolTipText, role.ToolTipBase),
        (role.PlaceholderText, role.Base),
        (role.HighlightedText, role.Highlight),
        (role.Link, role.Base),
    ]
    for front, back in pairs:
        assert ratio(made.color(front).name(), made.color(back).name()) >= 4.5, (front, back)


def test_a_choice_reaches_the_application(qtbot: QtBot, qapp: QApplication, theme: Theme) -> None:
    with qtbot.waitSignal(theme.changed) as caught:
        theme.choose("dark")
    assert caught.args == [DARK]
    assert theme.colours is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == DARK.window
    theme.choose("light", "high")
    assert theme.colours is HIGH_LIGHT
    assert qapp.palette().color(QPalette.ColorRole.Base).name() == HIGH_LIGHT.surface


def test_the_systems_theme_is_followed_only_where_it_was_chosen(
    qapp: QApplication, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The platforms that tests can run on have neither day nor night.
    night = qapp.styleHints().colorSchemeChanged
    monkeypatch.setattr("ui.theme.system_is_dark", lambda: True)
    theme.choose("light")
    seen: list[Colours] = []
    theme.changed.connect(seen.append)
    night.emit(Qt.ColorScheme.Dark)
    assert seen == []
    theme.choose("system")
    assert seen == [DARK]
    monkeypatch.setattr("ui.theme.system_is_dark", lambda: False)
    night.emit(Qt.ColorScheme.Light)
    assert seen == [DARK, LIGHT]
