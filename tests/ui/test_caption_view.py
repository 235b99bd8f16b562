"""The captions on the screen: what is committed stays, the reader is left alone, and long sessions stay small."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAccessible, QColor, QGuiApplication, QHelpEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from s2t2_live.live.events import Event, Final, Gap, Partial, SessionStarted
from ui.caption_page import MOST
from ui.caption_style import CaptionStyle
from ui.caption_view import CaptionView
from ui.theme import DARK, LIGHT
from ui.transcript import described

STARTED = SessionStarted("demo-en-de", "cpu", "fp32", "local-agreement", "talk.flac", 16_000, "1")


def partial(segment: int, committed: str, tentative: str = "") -> Partial:
    return Partial(segment, float(segment), segment + 0.5, committed, tentative, 0.1)


def final(segment: int, text: str, confidence: float | None = None) -> Final:
    return Final(segment, float(segment), segment + 0.9, text, 0.1, 0.2, confidence)


def lines(view: CaptionView) -> list[str]:
    return view.toPlainText().split("\n")


@pytest.fixture
def view(qtbot: QtBot) -> CaptionView:
    view = CaptionView()
    qtbot.addWidget(view)
    view.resize(700, 400)
    view.show()
    qtbot.waitExposed(view)
    view.show_events([STARTED])
    return view


@pytest.fixture
def long(view: CaptionView) -> CaptionView:
    """More captions than the document holds."""
    for first in range(0, 3 * MOST, 30):
        view.show_events([final(number, f"Satz {number} von vielen.") for number in range(first, first + 30)])
    QApplication.processEvents()
    return view


def at(view: CaptionView, line: int) -> QPoint:
    """The middle of the first word of a line, in the viewport."""
    cursor = QTextCursor(view.document().findBlockByNumber(line))
    cursor.movePosition(QTextCursor.MoveOperation.Right, n=2)
    return view.cursorRect(cursor).center()


def colours(view: CaptionView, line: int) -> list[tuple[str, str]]:
    """The pieces of a line with their colours."""
    block = view.document().findBlockByNumber(line)
    pieces = []
    iterator = block.begin()
    while not iterator.atEnd():
        fragment = iterator.fragment()
        pieces.append((fragment.text(), fragment.charFormat().foreground().color().name()))
        iterator += 1
    return pieces


def test_the_tail_is_set_apart_and_the_final_is_not(view: CaptionView) -> None:
    view.show_events([partial(1, "Der Zug", "ist spät")])
    assert colours(view, 0) == [("Der Zug", LIGHT.text), (" ist spät", LIGHT.tentative)]
    view.show_events([final(1, "Der Zug kommt.")])
    assert colours(view, 0) == [("Der Zug kommt.", LIGHT.text)]


WORDS = st.lists(st.sampled_from("der Zug nach Berlin fährt um halb neun".split()), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8))
def test_what_is_committed_is_never_touched(looks: list[tuple[list[str], list[str]]]) -> None:
    """Every edit of the document begins behind the words that were committed before."""
    view = CaptionView()
    view.show_events([STARTED, final(0, "Vorher.")])
    edits: list[int] = []
    view.document().contentsChange.connect(lambda position, *_: edits.append(position))
    committed: list[str] = []
    for new, tail in looks:
        shown = " ".join(["Vorher.", *committed])
        edits.clear()
        committed += new
        view.show_events([partial(1, " ".join(committed), " ".join(tail))])
        assert min(edits, default=len(shown)) >= len(shown)
        assert lines(view) == ["Vorher.", *filter(None, [" ".join(committed + tail)])]
    view.deleteLater()


def test_gaps_and_doubt_are_visible_and_say_why(view: CaptionView, qtbot: QtBot) -> None:
    view.show_events([partial(1, "Wann kommt")])
    view.show_events([final(1, "Wann kommt er?", 0.2), Gap(3.0, 6.0, "the microphone was unplugged")])
    view.show_events([final(7, "Morgen.", 0.9)])
    assert colours(view, 0) == [("Wann kommt er?", LIGHT.uncertain)]
    assert colours(view, 1) == [("Audio lost, 3 s: the microphone was unplugged", LIGHT.gap)]
    assert colours(view, 2) == [("Morgen.", LIGHT.text)]
    place = at(view, 0)
    QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, place, view.viewport().mapToGlobal(place)))
    assert "unsure" in QToolTip.text()
    assert "20%" in QToolTip.text()


def test_arabic_runs_from_the_right(view: CaptionView) -> None:
    view.show_events([final(1, "Guten Tag."), final(2, "أين المحطة؟")])
    directions = [view.document().findBlockByNumber(line).textDirection() for line in (0, 1)]
    assert directions == [Qt.LayoutDirection.LeftToRight, Qt.LayoutDirection.RightToLeft]


def test_it_follows_the_end(long: CaptionView) -> None:
    assert long.following
    assert lines(long)[-1] == f"Satz {3 * MOST - 1} von vielen."
    assert long.verticalScrollBar().value() == long.verticalScrollBar().maximum()
    assert long.live_button.isHidden()


def test_a_reader_who_scrolled_up_is_left_alone(long: CaptionView, qtbot: QtBot) -> None:
    bar = long.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    assert not long.following
    assert long.live_button.isVisible()
    top = long.cursorForPosition(QPoint(0, 0)).block().text()
    for number in range(3 * MOST, 5 * MOST):
        long.show_events([partial(number, "Satz", "noch"), final(number, f"Satz {number} von vielen.")])
    QApplication.processEvents()
    assert long.cursorForPosition(QPoint(0, 0)).block().text() == top
    assert long.document().blockCount() <= MOST
    qtbot.mouseClick(long.live_button, Qt.MouseButton.LeftButton)
    assert long.following
    assert lines(long)[-1] == f"Satz {5 * MOST - 1} von vielen."
    assert long.live_button.isHidden()


def test_all_of_a_long_session_can_be_scrolled_to(long: CaptionView) -> None:
    """Up to the first caption and down again, page by page, with a bounded document."""
    bar = long.verticalScrollBar()
    seen = set(lines(long))
    for way in (bar.minimum, bar.maximum):
        for _ in range(40):
            bar.setValue(way())
            QApplication.processEvents()
            assert long.document().blockCount() <= MOST
            seen |= set(lines(long))
    assert seen == {f"Satz {number} von vielen." for number in range(3 * MOST)}
    assert long.following


def test_times_stand_beside_the_captions(long: CaptionView) -> None:
    stamps = list(long._stamps())
    assert stamps[-1][1] == "14:59"
    assert all(earlier[0] < later[0] for earlier, later in pairwise(stamps))
    assert len(stamps) < 30


def test_a_click_or_enter_names_the_place_in_the_recording(view: CaptionView, qtbot: QtBot) -> None:
    view.show_events([final(1, "Eins und eins."), Gap(2.0, 3.0, "lost"), final(5, "Zwei und zwei.")])
    QApplication.processEvents()
    with qtbot.waitSignal(view.caption_activated) as clicked:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at(view, 2))
    assert clicked.args == [5.0]
    with qtbot.waitSignal(view.caption_activated):
        qtbot.keyClick(view, Qt.Key.Key_Return)
    with qtbot.assertNotEmitted(view.caption_activated):
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at(view, 1))


def test_find_goes_to_captions_that_are_not_in_the_document(long: CaptionView) -> None:
    matches = long.find_all("satz 7 ")
    assert len(matches) == 1
    long.show_match(matches[0])
    QApplication.processEvents()
    assert "Satz 7 von vielen." in lines(long)
    (marked,) = long.extraSelections()
    assert marked.cursor.selectedText() == "Satz 7 "  # type: ignore[attr-defined]
    assert long.viewport().rect().contains(long.cursorRect(marked.cursor))  # type: ignore[attr-defined]
    assert not long.following
    long.find_all("")
    assert long.extraSelections() == []


def test_copy_gives_plain_words(view: CaptionView, qtbot: QtBot) -> None:
    view.show_events([final(1, "Eins."), final(2, "Zwei.", 0.1), partial(3, "Drei", "oder")])
    view.copy_all()
    assert QGuiApplication.clipboard().text() == "Eins.\nZwei."
    view.selectAll()
    data = view.createMimeDataFromSelection()
    assert data.text() == "Eins.\nZwei.\nDrei oder"
    assert not data.hasHtml()


def test_clear_and_its_undo(view: CaptionView) -> None:
    view.show_events([final(1, "Eins."), partial(2, "Zwei")])
    view.clear_captions()
    assert lines(view) == ["Zwei"]
    view.show_events([final(2, "Zwei.")])
    assert lines(view) == ["Zwei."]
    view.undo_clear()
    assert lines(view) == ["Eins.", "Zwei."]


def test_style_and_colours_change_what_is_there(view: CaptionView) -> None:
    view.show_events([final(1, "Eins."), partial(2, "Zwei", "oder")])
    view.set_style(CaptionStyle("DejaVu Serif", 30, 1.5))
    view.set_colours(DARK)
    assert lines(view) == ["Eins.", "Zwei oder"]
    block = view.document().findBlockByNumber(1)
    assert view.document().defaultFont().pointSize() == 30
    assert view.document().defaultFont().family() == "DejaVu Serif"
    assert block.blockFormat().lineHeight() == 150
    assert colours(view, 1) == [("Zwei", DARK.text), (" oder", DARK.tentative)]
    view.show_events([final(2, "Zwei.")])
    assert lines(view) == ["Eins.", "Zwei."]
    assert view._gutter.grab().toImage().pixelColor(1, 1) == QColor(DARK.surface)


def test_finished_captions_are_said_by_a_screen_reader(view: CaptionView, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: said.append(event.message()))
    view.show_events([partial(1, "Der", "Zug"), final(1, "Der Zug kommt."), final(2, "")])
    assert said == ["Der Zug kommt."]


def test_a_whole_session_at_once_shows_its_end(view: CaptionView) -> None:
    events: list[Event] = [final(number, f"Satz {number}.") for number in range(2000)]
    view.show_events(events)
    assert lines(view)[-1] == "Satz 1999."
    assert view.document().blockCount() <= MOST
    assert len(view.transcript.entries) == 2000


def test_document_and_transcript_agree_whatever_comes(
    view: CaptionView, qtbot: QtBot, say: Callable[[int], list[Event]]
) -> None:
    for seed in range(20):
        for event in say(seed):
            view.show_events([event])
            shown = view.transcript.entries[view.transcript.first :]
            assert lines(view) == ([described(entry) for entry in shown] or [""])


@pytest.fixture
def say() -> Callable[[int], list[Event]]:
    """A few seconds of talk, as it may come from an engine that is late."""
    import random

    def talk(seed: int) -> list[Event]:
        dice = random.Random(seed)
        events: list[Event] = [STARTED]
        for segment in range(1, 5):
            said = ""
            for word in dice.sample(["Der", "Zug", "fährt", "um", "neun"], 3):
                said = f"{said} {word}".strip()
                events.append(partial(segment, said, dice.choice(["", "ab"])))
                if dice.random() < 0.2:
                    events.append(Gap(segment - dice.random(), segment + 0.5, "lost"))
            if dice.random() < 0.9:
                events.append(final(segment, dice.choice([said + ".", "", "Anders."])))
        return events

    return talk
