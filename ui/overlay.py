"""The last captions in a frameless strip above other windows. Knows no engine and no main window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, QRect, QRectF, QSettings, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFont,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ui.edges import cursor, dragged, gripped
from ui.last_lines import line_height, paint_last_lines
from ui.platform import Limits, limits
from ui.theme import HIGH_DARK, LARGE, MEDIUM
from ui.transcript import Transcript

COLOURS = HIGH_DARK
"""Whatever the theme: white on black is what captions over pictures look like."""
STEP = 16
"""Pixels that an arrow key moves; one with Shift."""
OPACITIES = (100, 75, 50, 25, 0)
"""Per cent, of the background alone: the letters stay as they are."""
LINES = (2, 3, 4)
SMALLEST_FONT, LARGEST_FONT = 10, 96
"""Points."""


class Overlay(QWidget):
    """Moved by mouse or arrow keys, resized at its edges or with Ctrl and arrow keys; its menu has the rest."""

    visibility_changed = Signal(bool)

    def __init__(self, transcript: Transcript, settings: QSettings, *, restrictions: Limits | None = None) -> None:
        """Shows the end of the transcript, painted anew with each `update`.

        `settings` keep the place and the looks; `restrictions` are those of the platform where None.
        """
        super().__init__(None, Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint)
        self._settings = settings
        self._limits = limits() if restrictions is None else restrictions
        self._transcript = transcript
        self._drag: tuple[QPoint, QRect, Qt.Edge] | None = None
        self.setWindowTitle("s2t2-live captions")
        self.setAccessibleName("Caption overlay")
        self.setAccessibleDescription("Arrow keys move it, with Ctrl they resize it; the menu key has its options.")
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.menu = QMenu("Overlay o&ptions", self)
        self._close_button = QToolButton(self)
        self._close_button.setText("×")
        self._close_button.setToolTip("Close the overlay (Esc)")
        self._close_button.setAccessibleName("Close the overlay")
        self._close_button.setStyleSheet(
            f"QToolButton {{ color: {COLOURS.text}; background: {COLOURS.surface}; border: 1px solid {COLOURS.muted};"
            " border-radius: 3px; }"
        )
        self._close_button.clicked.connect(self.hide)
        self._close_button.hide()
        self._make_menu()
        self._restore()

    @property
    def opacity(self) -> int:
        """Per cent, of the background."""
        return self._opacity

    @property
    def lines(self) -> int:
        """How many the strip has room for."""
        return max(1, int((self.height() - 2 * MEDIUM + 0.5) / line_height(self.font())))

    def set_font(self, font: QFont) -> None:
        """The strip keeps its width and its number of lines."""
        lines = self.lines
        self.setFont(font)
        self.set_lines(lines)

    def set_lines(self, lines: int) -> None:
        """Make room for so many lines; the lower edge stays where it is."""
        height = self._height_for(lines)
        self._place(QRect(self.x(), self.y() + self.height() - height, self.width(), height))

    def set_opacity(self, per_cent: int) -> None:
        self._opacity = per_cent
        for action in self._opacity_actions.actions():
            action.setChecked(action.data() == per_cent)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(800, self._height_for(LINES[0]))

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self._height_for(1))

    def save(self) -> None:
        """Remember the place and the looks; where it can be placed at all."""
        settings = self._settings
        if self._limits.position is None:
            settings.setValue("overlay/geometry", self.geometry())
        settings.setValue("overlay/size", self.size())
        settings.setValue("overlay/opacity", self._opacity)
        settings.setValue("overlay/font_size", self.font().pointSize())
        settings.setValue("overlay/on_top", self.on_top_action.isChecked())

    def _restore(self) -> None:
        settings = self._settings
        font = self.font()
        font.setPointSize(_number(settings.value("overlay/font_size"), 24, SMALLEST_FONT, LARGEST_FONT))
        self.setFont(font)
        self.setMinimumSize(self.minimumSizeHint())
        self._opacity = 75
        self.set_opacity(_number(settings.value("overlay/opacity"), 75, 0, 100))
        self.on_top_action.setChecked(
            self._limits.on_top is None and bool(settings.value("overlay/on_top", True, type=bool))
        )
        geometry = settings.value("overlay/geometry")
        if isinstance(geometry, QRect) and any(
            screen.availableGeometry().intersects(geometry) for screen in QGuiApplication.screens()
        ):
            self.setGeometry(geometry)
        else:
            self.reset_place()
            size = settings.value("overlay/size")
            if isinstance(size, QSize):
                self.resize(size.expandedTo(self.minimumSize()))

    @Slot()
    def reset_place(self) -> None:
        """To the middle of the lower edge of the screen."""
        screen = QGuiApplication.primaryScreen().availableGeometry()
        width, height = min(1000, screen.width() * 7 // 10), self._height_for(LINES[0])
        left = screen.left() + (screen.width() - width) // 2
        self._place(QRect(left, screen.bottom() - height - 3 * LARGE, width, height))

    def _make_menu(self) -> None:
        menu = self.menu
        menu.setToolTipsVisible(True)
        self.on_top_action = self._toggle("Always on &top", self._limits.on_top, Qt.WindowType.WindowStaysOnTopHint)
        self.click_through_action = self._toggle("&Click through", None, Qt.WindowType.WindowTransparentForInput)
        self.click_through_action.setToolTip(
            "Clicks go to what is behind. Turn it off here, in the main window's menu."
        )
        menu.addSeparator()
        lines = menu.addMenu("&Lines")
        for count in LINES:
            lines.addAction(f"&{count}", partial(self.set_lines, count))
        self._opacity_actions = QActionGroup(self)
        background = menu.addMenu("&Background")
        for per_cent in OPACITIES:
            name = {100: "&Solid", 0: "&None"}.get(per_cent, f"&{per_cent} %")
            action = background.addAction(name, partial(self.set_opacity, per_cent))
            action.setCheckable(True)
            action.setData(per_cent)
            self._opacity_actions.addAction(action)
        self._action("L&arger letters", partial(self._change_font, 2), QKeySequence.StandardKey.ZoomIn)
        self._action("&Smaller letters", partial(self._change_font, -2), QKeySequence.StandardKey.ZoomOut)
        menu.addSeparator()
        place = self._action("&Move to the bottom of the screen", self.reset_place, "Home")
        if self._limits.position is not None:
            place.setEnabled(False)
            place.setToolTip(self._limits.position)
        self._action("Clos&e the overlay", self.hide, "Esc")

    def _action(self, text: str, slot: Callable[[], object], keys: QKeySequence.StandardKey | str) -> QAction:
        """An option whose keys work in the strip itself."""
        action = QAction(text, self)
        if isinstance(keys, str):
            action.setShortcut(keys)
        else:
            action.setShortcuts(keys)
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda: slot())
        self.addAction(action)
        self.menu.addAction(action)
        return action

    def _toggle(self, text: str, forbidden: str | None, flag: Qt.WindowType) -> QAction:
        """An option of the window, disabled with the reason where the platform forbids it."""
        action = QAction(text, self)
        self.menu.addAction(action)
        action.setCheckable(True)
        action.toggled.connect(partial(self._set_flag, flag))
        if forbidden is not None:
            action.setEnabled(False)
            action.setToolTip(forbidden)
        return action

    def _set_flag(self, flag: Qt.WindowType, on: bool) -> None:
        visible, geometry = self.isVisible(), self.geometry()
        # Qt hides a window whose flags change.
        self.setWindowFlag(flag, on)
        self.setGeometry(geometry)
        if visible:
            self.show()

    def _change_font(self, points: int) -> None:
        font = self.font()
        font.setPointSize(min(max(font.pointSize() + points, SMALLEST_FONT), LARGEST_FONT))
        self.set_font(font)

    def _height_for(self, lines: int) -> int:
        return round(lines * line_height(self.font())) + 2 * MEDIUM

    def _place(self, wanted: QRect) -> None:
        """As near to the wanted place as the screen allows; where the platform forbids places, only the size."""
        self.setMinimumSize(self.minimumSizeHint())
        size = wanted.size().expandedTo(self.minimumSize())
        if self._limits.position is not None:
            self.resize(size)
            return
        screen = (QGuiApplication.screenAt(wanted.center()) or QGuiApplication.primaryScreen()).availableGeometry()
        size = size.boundedTo(screen.size())
        left = min(max(wanted.left(), screen.left()), screen.right() + 1 - size.width())
        top = min(max(wanted.top(), screen.top()), screen.bottom() + 1 - size.height())
        self.setGeometry(QRect(QPoint(left, top), size))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        background = QColor(COLOURS.surface)
        # Not quite nothing: where a window is fully transparent, X11 lets the mouse through.
        background.setAlphaF(max(self._opacity / 100, 0.01))
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setBrush(background)
        painter.setPen(QPen(QColor(COLOURS.muted)) if self._close_button.isVisible() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(frame, 6, 6)
        area = QRectF(self.rect()).adjusted(LARGE, MEDIUM, -LARGE, -MEDIUM)
        paint_last_lines(painter, area, self._transcript, self.font(), COLOURS)

    def showEvent(self, event: QShowEvent) -> None:
        if not event.spontaneous():
            # The arrow keys are for it now: the desktop's window switcher leaves such windows out.
            self.activateWindow()
            self.setFocus()
            self.visibility_changed.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        if not event.spontaneous():
            self.visibility_changed.emit(False)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._show_controls()

    def leaveEvent(self, event: object) -> None:
        self._close_button.setVisible(False)
        self.update()

    def _show_controls(self) -> None:
        button = self._close_button
        button.resize(LARGE + MEDIUM, LARGE + MEDIUM)
        button.move(self.width() - button.width() - 4, 4)
        button.show()
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrows = {
            Qt.Key.Key_Left: QPoint(-1, 0),
            Qt.Key.Key_Right: QPoint(1, 0),
            Qt.Key.Key_Up: QPoint(0, -1),
            Qt.Key.Key_Down: QPoint(0, 1),
        }
        if (way := arrows.get(Qt.Key(event.key()))) is None:
            super().keyPressEvent(event)
            return
        modifiers = event.modifiers()
        way *= 1 if modifiers & Qt.KeyboardModifier.ShiftModifier else STEP
        here = self.geometry()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            here.setSize(here.size() + QSize(way.x(), way.y()))
        else:
            here.translate(way)
        self._place(here)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        edges = gripped(event.position().toPoint(), self.size())
        window = self.windowHandle()
        # The desktop moves it where it can, across screens and past the limits that programs have.
        if not (window.startSystemResize(edges) if edges else window.startSystemMove()):
            self._drag = (event.globalPosition().toPoint(), self.geometry(), edges)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            edges = gripped(event.position().toPoint(), self.size())
            self.setCursor(cursor(edges))
            return
        begin, geometry, edges = self._drag
        way = event.globalPosition().toPoint() - begin
        self._place(dragged(geometry, edges, way, self.minimumSize()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None


def _number(value: object, default: int, least: int, most: int) -> int:
    """A number out of the settings, which keep text."""
    try:
        return min(max(int(str(value)), least), most)
    except ValueError:
        return default
