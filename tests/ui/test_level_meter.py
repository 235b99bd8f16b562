"""The level meter: what it shows of a voice, of clipping and of silence, and that it rests in between."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from s2t2_live.audio.level import Level
from ui.level_meter import HOLD, LevelMeter, LevelState
from ui.theme import DARK, LIGHT, Colours

VOICE = Level(rms=-20.0, peak=-12.0, position=1.0)


@pytest.fixture
def meter(qtbot: QtBot) -> LevelMeter:
    meter = LevelMeter()
    qtbot.addWidget(meter)
    meter.resize(200, 24)
    meter.show()
    return meter


def filled(meter: LevelMeter, colour: str) -> float:
    """The part of the meter's width that is painted in the colour."""
    image = meter.grab().toImage()
    row = image.height() // 2
    wanted = QColor(colour).rgb()
    return sum(image.pixel(QPoint(x, row)) == wanted for x in range(image.width())) / image.width()


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_a_louder_voice_fills_more(meter: LevelMeter, colours: Colours) -> None:
    meter.set_colours(colours)
    widths = []
    for rms in (-58.0, -40.0, -20.0, -10.0):
        meter.show_level(Level(rms=rms, peak=rms))
        widths.append(filled(meter, colours.good))
    assert widths == sorted(widths)
    assert widths[-1] == pytest.approx(50 / 60, abs=0.03)


def test_the_top_is_in_another_colour(meter: LevelMeter) -> None:
    meter.show_level(Level(rms=-3.0, peak=-1.0))
    assert filled(meter, LIGHT.warning) == pytest.approx(6 / 60, abs=0.02)
    assert filled(meter, LIGHT.good) == pytest.approx(51 / 60, abs=0.02)


def test_the_bar_falls_slowly_and_then_rests(qtbot: QtBot, meter: LevelMeter) -> None:
    meter.show_level(VOICE)
    meter.show_level(Level(rms=-45.0, peak=-45.0))
    assert filled(meter, LIGHT.good) > 30 / 60
    assert meter.moving
    qtbot.waitUntil(lambda: not meter.moving, timeout=20_000)
    assert filled(meter, LIGHT.good) == pytest.approx(15 / 60, abs=0.03)


def test_the_peak_stays_a_while(qtbot: QtBot, meter: LevelMeter) -> None:
    meter.show_level(Level(rms=-30.0, peak=-6.0))
    meter.show_level(Level(rms=-30.0, peak=-25.0))
    assert filled(meter, LIGHT.text) > 0
    column = round(54 / 60 * meter.width()) - 1
    assert meter.grab().toImage().pixelColor(column, 12).name() == LIGHT.text
    qtbot.waitUntil(lambda: not meter.moving, timeout=20_000)
    assert meter.grab().toImage().pixelColor(column, 12).name() == LIGHT.surface


def test_clipping_is_told_in_words_and_passes(qtbot: QtBot, meter: LevelMeter) -> None:
    with qtbot.waitSignal(meter.state_changed) as caught:
        meter.show_level(Level(rms=-2.0, peak=0.0, clipped=True))
    assert caught.args == ["too loud"]
    assert meter.accessibleDescription() == "too loud"
    assert "Lower its volume" in meter.toolTip()
    assert filled(meter, LIGHT.critical) > 0
    meter.show_level(VOICE)
    assert meter.state is LevelState.CLIPPED
    qtbot.waitUntil(lambda: meter.state is LevelState.SOUND, timeout=HOLD * 10)


def test_silence_is_told_from_a_quiet_room(meter: LevelMeter) -> None:
    meter.show_level(Level(rms=-70.0, peak=-65.0))
    assert meter.state is LevelState.QUIET
    meter.show_level(Level(rms=-100.0, peak=-100.0, silent=True))
    assert meter.state is LevelState.SILENT
    assert "muted" in meter.toolTip()


def test_when_nothing_is_listened_to_it_is_empty_and_still(meter: LevelMeter) -> None:
    meter.show_level(VOICE)
    meter.show_level(None)
    assert meter.state is LevelState.OFF
    assert not meter.moving
    assert filled(meter, LIGHT.good) == 0


def test_a_reader_of_the_screen_hears_of_changes_only(qtbot: QtBot, meter: LevelMeter) -> None:
    meter.show_level(VOICE)
    with qtbot.assertNotEmitted(meter.state_changed):
        meter.show_level(Level(rms=-25.0, peak=-20.0))
    assert meter.accessibleName() == "Input level"
