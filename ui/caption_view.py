"""Shows the transcript: the captions as they grow, with their times. Knows no engine.

It holds one page of the transcript at a time; scrolling beyond its ends turns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRect, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QTextBlock,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QToolTip, QWidget

from s2t2_live.live.events import Event, Final
from s2t2_live.live.presets import Stability
from ui.announcement import announce
from ui.caption_page import MOST, PAGE, CaptionPage
from ui.caption_style import CaptionStyle, Formats
from ui.live_button import LiveButton
from ui.theme import LARGE, LIGHT, Colours
from ui.time_gutter import TimeGutter
from ui.transcript import Change, Entry, Match, Transcript, right_to_left, stamp

MANY = 50
"""Events of one batch from which it is quicker to build the document anew."""


class CaptionView(QTextEdit):
    """Follows the end until the reader scrolls up."""

    caption_activated = Signal(float)
    """The start of a caption of the latest session that was clicked, seconds on its source's clock."""
    transcript_changed = Signal()
    """Entries came, went or were finished; not emitted for captions in the making."""
    following_changed = Signal(bool)
    style_wanted = Signal(CaptionStyle)
    """The reader has asked for another size with the wheel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, readOnly=True, undoRedoEnabled=False)
        self.setAcceptDrops(False)
        self.transcript = Transcript()
        self.following = True
        self.style_ = CaptionStyle()
        self._colours = LIGHT
        self._page = CaptionPage(self.document(), self.transcript, Formats(self.style_, LIGHT))
        self._matches: list[Match] = []
        self._match: Match | None = None
        self._adjusting = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Captions")
        # Whoever reads needs no caret; whoever selects with the keyboard gets one.
        self.setCursorWidth(0)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setDocumentMargin(LARGE)
        self._gutter = TimeGutter(self._stamps, self)
        self.live_button = LiveButton(self)
        self.live_button.clicked.connect(self.back_to_live)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._range_changed)
        self.document().documentLayout().update.connect(self._gutter.update)
        self.set_style(self.style_)

    # What comes in.

    @Slot(list)
    def show_events(self, events: Sequence[Event]) -> None:
        """Take a batch of events, in their order."""
        if len(events) > MANY:
            for event in events:
                self.transcript.add(event)
            self._show_end()
        else:
            for event in events:
                self._show(self.transcript.add(event))
        if any(event.type != "partial" for event in events):
            self.transcript_changed.emit()
        for event in events:
            if isinstance(event, Final) and event.text and len(events) <= MANY:
                announce(self, event.text)

    def set_stability(self, stability: Stability) -> None:
        """How much of the captions in the making is shown."""
        self._show(self.transcript.set_stability(stability))

    def clear_captions(self) -> None:
        """Show no more of what is finished; `undo_clear` takes it back."""
        self.transcript.clear()
        self._show_end()
        self.transcript_changed.emit()

    def undo_clear(self) -> None:
        self.transcript.undo_clear()
        self._show_end()
        self.transcript_changed.emit()

    # How it looks.

    def set_style(self, style: CaptionStyle) -> None:
        self.style_ = style
        self.document().setDefaultFont(style.font)
        self._gutter.set_size(style.size)
        self._place()
        self._restyle()

    @Slot(Colours)
    def set_colours(self, colours: Colours) -> None:
        self._colours = colours
        self._gutter.colours = colours
        self.live_button.set_colours(colours)
        self._restyle()

    # Where the reader is.

    @Slot()
    def back_to_live(self) -> None:
        """Go to the end and follow it."""
        if not self._page.at_end:
            self._show_end()
        self._follow(True)

    def copy_all(self) -> None:
        """Put all that is shown and finished on the clipboard, an entry a line."""
        QGuiApplication.clipboard().setText("\n".join(self.transcript.lines()))

    # Searching.

    def find_all(self, text: str) -> list[Match]:
        """Mark every place where the text stands; returns them."""
        self._matches = self.transcript.find(text)
        if self._match not in self._matches:
            self._match = None
        self._mark()
        return self._matches

    def show_match(self, match: Match) -> None:
        """Scroll there and mark it as the one that is meant."""
        self._match = match
        self._follow(False)
        if not self._page.has(match):
            self._build(max(self.transcript.first, match.entry - PAGE // 2), match.entry + PAGE // 2)
        self._mark()
        cursor = self._page.selected(match)
        cursor.setPosition(cursor.selectionStart())
        place = self.cursorRect(cursor)
        bar = self.verticalScrollBar()
        if place.top() < 0 or place.bottom() > self.viewport().height():
            bar.setValue(bar.value() + place.center().y() - self.viewport().height() // 2)

    # What Qt asks.

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            entry = self._entry_at(event.pos())
            if entry is not None and entry.uncertain:
                QToolTip.showText(event.globalPos(), entry.doubt, self.viewport())
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and not self.textCursor().hasSelection():
            self._activate(self._entry_at(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._activate(self._page.entry_of(self.textCursor().block()))
            return
        self.setCursorWidth(2)
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            step = 1 if event.angleDelta().y() > 0 else -1
            self.style_wanted.emit(CaptionStyle(self.style_.family, self.style_.size + step, self.style_.line_spacing))
            event.accept()
            return
        super().wheelEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def createMimeDataFromSelection(self) -> QMimeData:
        """Words alone, without colours."""
        data = QMimeData()
        data.setText(self.textCursor().selection().toPlainText())
        return data

    # The page.

    def _show(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._page.apply(change, following=self.following)
            self._place_gutter(change.entry)
        self._gutter.update()

    def _build(self, first: int, end: int) -> None:
        """Show these entries of the transcript and no others."""
        self._adjusting = True
        self._page.build(first, end)
        self._adjusting = False
        if self._page.shown:
            self._place_gutter(self._page.shown[-1])
        self._mark()
        self._gutter.update()

    def _show_end(self) -> None:
        end = len(self.transcript.entries)
        self._build(max(self.transcript.first, end - PAGE), end)
        self._follow(True)

    def _restyle(self) -> None:
        """The same entries in another style, the same one at the top."""
        self._page.formats = Formats(self.style_, self._colours)
        with _KeptPlace(self):
            self._build(self._page.first, self._page.end)
        self._gutter.update()

    # Scrolling.

    def _follow(self, following: bool) -> None:
        if following:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())
            self.setCursorWidth(0)
        if following is not self.following:
            self.following = following
            self.following_changed.emit(following)
        self.live_button.setVisible(not following)
        self._place()

    @Slot(int)
    def _scrolled(self, value: int) -> None:
        self._gutter.update()
        if self._adjusting:
            return
        bar = self.verticalScrollBar()
        if value < bar.maximum():
            self._follow(False)
        if value <= bar.minimum() and self._page.first > self.transcript.first and bar.maximum() > 0:
            first = max(self.transcript.first, self._page.first - PAGE)
            with _KeptPlace(self):
                self._build(first, min(self._page.end, first + MOST))
        elif value >= bar.maximum() and not self._page.at_end:
            end = min(len(self.transcript.entries), self._page.end + PAGE)
            with _KeptPlace(self):
                self._build(max(self._page.first, end - MOST), end)
        if bar.value() >= bar.maximum() and self._page.at_end:
            self._follow(True)

    @Slot(int, int)
    def _range_changed(self, low: int, high: int) -> None:
        if self.following and not self._adjusting:
            self.verticalScrollBar().setValue(high)

    # Blocks, entries and places.

    def _entry_at(self, place: QPoint) -> Entry | None:
        """The entry whose lines are at this place of the viewport."""
        cursor = self.cursorForPosition(place)
        box = self._box(cursor.block())
        return self._page.entry_of(cursor.block()) if box.top() <= place.y() <= box.bottom() else None

    def _box(self, block: QTextBlock) -> QRect:
        """Where a block is in the viewport."""
        offset = QPointF(0, -self.verticalScrollBar().value())
        return self.document().documentLayout().blockBoundingRect(block).translated(offset).toRect()

    def _stamps(self) -> Iterator[tuple[float, str]]:
        """Baseline and text of each time stamp that is to be seen."""
        if not self._page.shown:
            return
        block = self.cursorForPosition(QPoint(0, 0)).block()
        while block.isValid() and self._box(block).top() < self.viewport().height():
            entry = self._page.entry_of(block)
            if entry is not None and entry.kind != "heading" and block.layout().lineCount():
                line = block.layout().lineAt(0)
                baseline = block.layout().position().y() + line.y() + line.ascent()
                yield baseline - self.verticalScrollBar().value(), stamp(entry.start)
            block = block.next()

    def _activate(self, entry: Entry | None) -> None:
        if entry is not None and entry.kind == "caption" and entry.session == self.transcript.session:
            self.caption_activated.emit(entry.start)

    def _mark(self) -> None:
        selections = []
        for match in self._matches:
            if self._page.has(match):
                selection = QTextEdit.ExtraSelection()
                selection.cursor = self._page.selected(match)
                selection.format.setBackground(QColor("#ffb000" if match == self._match else "#ffe08a"))
                selection.format.setForeground(QColor("#000000"))
                selections.append(selection)
        self.setExtraSelections(selections)

    def _place_gutter(self, entry: Entry) -> None:
        right = entry.kind == "caption" and right_to_left(entry.text)
        if entry.kind == "caption" and right is not self._gutter.right_side:
            self._gutter.right_side = right
            self._place()

    def _place(self) -> None:
        """Gutter and button where they belong."""
        width = self._gutter.sizeHint().width()
        right = self._gutter.right_side
        self.setViewportMargins(0 if right else width, 0, width if right else 0, 0)
        inside = self.contentsRect()
        view = self.viewport().geometry()
        self._gutter.setGeometry(view.right() + 1 if right else inside.left(), inside.top(), width, inside.height())
        self.live_button.place(QRect(view.left(), inside.top(), view.width(), inside.height()))


class _KeptPlace:
    """Keeps the entry at the top of the view where it is, whatever the document becomes."""

    def __init__(self, view: CaptionView) -> None:
        self._view = view

    def __enter__(self) -> None:
        view = self._view
        block = view.cursorForPosition(QPoint(0, 0)).block()
        self._entry = view._page.entry_of(block)
        self._offset = view._box(block).top()

    def __exit__(self, *_: object) -> None:
        view, bar = self._view, self._view.verticalScrollBar()
        if view.following:
            bar.setValue(bar.maximum())
        elif self._entry in view._page.shown:
            block = view.document().findBlockByNumber(view._page.shown.index(self._entry))
            view._adjusting = True
            bar.setValue(bar.value() + view._box(block).top() - self._offset)
            view._adjusting = False
