"""The overlay: what it shows, where it goes by mouse and keyboard, and what it says about a platform's limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, QSettings, Qt
from PySide6.QtGui import QFont, QGuiApplication, QImage, QPixmap, QRegion
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from s2t2_live.live.events import Event, Final, Gap, Partial, SessionStarted
from ui.overlay import STEP, Overlay
from ui.platform import NONE, WAYLAND, Limits
from ui.theme import HIGH_DARK
from ui.transcript import Transcript

STARTED = SessionStarted("demo", "cpu", "fp32", "local-agreement", "mic", 16_000, "1")


@pytest.fixture
def stored(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def overlay(qtbot: QtBot, stored: QSettings, transcript: Transcript) -> Overlay:
    return shown(qtbot, stored, NONE, transcript)


def shown(qtbot: QtBot, stored: QSettings, restrictions: Limits, transcript: Transcript) -> Overlay:
    overlay = Overlay(transcript, stored, restrictions=restrictions)
    qtbot.addWidget(overlay)
    overlay.show()
    qtbot.waitExposed(overlay)
    overlay.setGeometry(QRect(100, 100, 400, overlay.height()))
    return overlay


def final(segment: int, text: str) -> Final:
    return Final(segment, 0.0, 1.0, text, 0.1, 0.1)


def picture(overlay: Overlay) -> QImage:
    """The strip as it lies on whatever is behind it."""
    pixmap = QPixmap(overlay.size())
    pixmap.fill(Qt.GlobalColor.transparent)
    overlay.render(pixmap, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return pixmap.toImage()


def count(image: QImage, colour: str) -> int:
    return sum(
        image.pixelColor(x, y).name() == colour for x in range(image.width()) for y in range(0, image.height(), 2)
    )


def add(overlay: Overlay, transcript: Transcript, *events: Event) -> None:
    for event in events:
        transcript.add(event)
    overlay.update()


def test_tentative_words_are_dimmed(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, final(0, "HHHHHHHH"))
    assert count(picture(overlay), HIGH_DARK.text) > 20
    assert count(picture(overlay), HIGH_DARK.tentative) == 0
    add(overlay, transcript, STARTED, Partial(0, 0.0, 1.0, "", "HHHHHHHH", 0.1))
    assert count(picture(overlay), HIGH_DARK.tentative) > 20
    assert count(picture(overlay), HIGH_DARK.text) == 0
    add(overlay, transcript, STARTED)
    assert count(picture(overlay), HIGH_DARK.tentative) == 0


def test_captions_that_the_model_is_unsure_of_are_set_apart(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, replace(final(0, "HHHHHHHH"), confidence=0.1))
    assert count(picture(overlay), HIGH_DARK.uncertain) > 20
    assert count(picture(overlay), HIGH_DARK.text) == 0
    add(overlay, transcript, STARTED, replace(final(0, "HHHHHHHH"), confidence=0.9))
    assert count(picture(overlay), HIGH_DARK.uncertain) == 0


def test_only_the_last_lines_and_only_whole_ones(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, final(0, "H " * 500))
    image = picture(overlay)
    inked = [
        any(image.pixelColor(x, y).name() == HIGH_DARK.text for x in range(image.width()))
        for y in range(image.height())
    ]
    bands = sum(now and not before for before, now in zip([False, *inked], inked, strict=False))
    assert bands == overlay.lines == 2


def test_a_gap_and_nothing_of_the_session_before(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, STARTED, final(0, "HHHHHHHH"), STARTED)
    assert count(picture(overlay), HIGH_DARK.text) == 0
    add(overlay, transcript, Gap(0.0, 2.0, "the microphone was unplugged"))
    assert count(picture(overlay), HIGH_DARK.gap) > 20


def test_what_was_cleared_away_is_gone_here_too(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, STARTED, final(0, "HHHHHHHH"))
    transcript.clear()
    assert count(picture(overlay), HIGH_DARK.text) == 0


def test_arabic_begins_on_the_right(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, final(0, "صباح الخير"))
    image = picture(overlay)
    half = image.width() // 2
    left, right = image.copy(0, 0, half, image.height()), image.copy(half, 0, half, image.height())
    assert count(right, HIGH_DARK.text) > 20
    assert count(left, HIGH_DARK.text) == 0


def test_the_background_alone_becomes_transparent(overlay: Overlay, transcript: Transcript) -> None:
    add(overlay, transcript, final(0, "HHHHHHHH"))
    middle = QPoint(overlay.width() - 30, overlay.height() // 2)
    letters = set()
    for per_cent in (100, 50, 0):
        overlay.set_opacity(per_cent)
        image = picture(overlay)
        assert image.pixelColor(middle).alphaF() == pytest.approx(max(per_cent / 100, 0.01), abs=0.01)
        letters.add(count(image, HIGH_DARK.text))
    assert len(letters) == 1


def test_arrow_keys_move_and_resize(qtbot: QtBot, overlay: Overlay) -> None:
    begin = overlay.geometry()
    qtbot.keyClick(overlay, Qt.Key.Key_Right)
    assert overlay.geometry() == begin.translated(STEP, 0)
    qtbot.keyClick(overlay, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert overlay.geometry() == begin.translated(STEP, -1)
    qtbot.keyClick(overlay, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(overlay, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert (overlay.width(), overlay.height()) == (begin.width() + STEP, begin.height() + STEP)


def test_it_does_not_leave_the_screen_nor_vanish(qtbot: QtBot, overlay: Overlay) -> None:
    screen = QGuiApplication.primaryScreen().availableGeometry()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down):
        for _ in range(100):
            qtbot.keyClick(overlay, key)
        assert screen.contains(overlay.geometry())
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
        for _ in range(100):
            qtbot.keyClick(overlay, key, Qt.KeyboardModifier.ControlModifier)
    assert overlay.lines == 1
    assert overlay.width() >= 200


def test_the_mouse_moves_and_resizes(qtbot: QtBot, overlay: Overlay) -> None:
    def drag(begin: QPoint, way: QPoint) -> None:
        qtbot.mousePress(overlay, Qt.MouseButton.LeftButton, pos=begin)
        place = overlay.mapToGlobal(begin) + way
        qtbot.mouseMove(overlay, overlay.mapFromGlobal(place))
        qtbot.mouseRelease(overlay, Qt.MouseButton.LeftButton, pos=overlay.mapFromGlobal(place))

    begin = overlay.geometry()
    drag(overlay.rect().center(), QPoint(40, 30))
    assert overlay.geometry() == begin.translated(40, 30)
    moved = overlay.geometry()
    drag(QPoint(overlay.width() - 2, overlay.height() // 2), QPoint(50, 0))
    assert overlay.geometry() == moved.adjusted(0, 0, 50, 0)
    drag(QPoint(2, overlay.height() // 2), QPoint(-20, 0))
    assert overlay.geometry() == moved.adjusted(-20, 0, 50, 0)


def test_lines_and_letters(qtbot: QtBot, overlay: Overlay) -> None:
    overlay.set_lines(3)
    bottom, size = overlay.geometry().bottom(), overlay.font().pointSize()
    assert overlay.lines == 3
    qtbot.keyClick(overlay, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    assert overlay.font().pointSize() > size
    assert overlay.lines == 3
    assert overlay.geometry().bottom() == bottom
    font = QFont(overlay.font())
    font.setPointSize(12)
    overlay.set_font(font)
    assert overlay.lines == 3


def test_the_window_flags(qtbot: QtBot, overlay: Overlay) -> None:
    place = overlay.geometry()
    assert overlay.windowFlags() & Qt.WindowType.FramelessWindowHint
    assert overlay.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    overlay.click_through_action.trigger()
    assert overlay.windowFlags() & Qt.WindowType.WindowTransparentForInput
    assert overlay.isVisible()
    assert overlay.geometry() == place
    overlay.click_through_action.trigger()
    overlay.on_top_action.trigger()
    assert not overlay.windowFlags() & Qt.WindowType.WindowTransparentForInput
    assert not overlay.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    assert overlay.isVisible()


def test_escape_closes_it_and_says_so(qtbot: QtBot, overlay: Overlay) -> None:
    with qtbot.waitSignal(overlay.visibility_changed) as caught:
        qtbot.keyClick(overlay, Qt.Key.Key_Escape)
    assert caught.args == [False]
    assert not overlay.isVisible()


def test_what_wayland_forbids_is_disabled_and_says_why(qtbot: QtBot, stored: QSettings) -> None:
    overlay = shown(qtbot, stored, WAYLAND, Transcript())
    assert not overlay.on_top_action.isEnabled()
    assert not overlay.on_top_action.isChecked()
    assert "Wayland" in overlay.on_top_action.toolTip()
    assert overlay.menu.toolTipsVisible()
    assert not overlay.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    (place,) = (action for action in overlay.menu.actions() if "bottom of the screen" in action.text())
    assert not place.isEnabled()
    assert "Wayland" in place.toolTip()
    assert overlay.click_through_action.isEnabled()
    before = overlay.pos()
    qtbot.keyClick(overlay, Qt.Key.Key_Right)
    assert overlay.pos() == before


def test_the_limits_are_those_of_the_platform(qtbot: QtBot, stored: QSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    # No Wayland desktop can be had in a test.
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: "wayland-egl")
    overlay = Overlay(Transcript(), stored)
    qtbot.addWidget(overlay)
    assert not overlay.on_top_action.isEnabled()


def test_place_and_looks_are_remembered(qtbot: QtBot, stored: QSettings, overlay: Overlay) -> None:
    overlay.set_lines(3)
    overlay.set_opacity(25)
    overlay.move(50, 60)
    qtbot.keyClick(overlay, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    overlay.on_top_action.trigger()
    overlay.save()
    stored.sync()
    again = Overlay(Transcript(), QSettings(stored.fileName(), QSettings.Format.IniFormat), restrictions=NONE)
    qtbot.addWidget(again)
    assert again.geometry() == overlay.geometry()
    assert (again.opacity, again.lines) == (25, 3)
    assert again.font().pointSize() == overlay.font().pointSize()
    assert not again.on_top_action.isChecked()
    assert not again.click_through_action.isChecked()


@pytest.mark.parametrize("place", [QRect(-9000, -9000, 400, 100), "nonsense"])
def test_a_place_that_no_screen_has_any_more(qtbot: QtBot, stored: QSettings, place: object) -> None:
    stored.setValue("overlay/geometry", place)
    stored.setValue("overlay/opacity", "much")
    overlay = Overlay(Transcript(), stored, restrictions=NONE)
    qtbot.addWidget(overlay)
    assert QGuiApplication.primaryScreen().availableGeometry().contains(overlay.geometry())
    assert overlay.opacity == 75


def test_every_option_can_be_reached_by_keyboard(overlay: Overlay) -> None:
    options = [action for action in overlay.menu.actions() if not action.isSeparator()]
    assert all("&" in action.text() for action in options)
    keys = [action.text().split("&")[1][0].lower() for action in options]
    assert len(set(keys)) == len(keys)
    assert overlay.accessibleName()


def test_it_does_not_keep_the_program_alive(qapp: QApplication, overlay: Overlay) -> None:
    assert not overlay.testAttribute(Qt.WidgetAttribute.WA_QuitOnClose)
