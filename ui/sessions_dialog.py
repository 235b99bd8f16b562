"""The saved sessions: what was heard when, to be read again or deleted. Knows no engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from s2t2_live.live.journal import SavedSession, sessions
from ui.background import Background
from ui.theme import LARGE, MEDIUM, SMALL
from ui.transcript import stamp

COLUMNS = ("Begun", "Source", "Length", "First words")
ROOT = QModelIndex()
STATES = {"running": "goes on", "interrupted": "interrupted", "recovered": "interrupted"}
"""Words for what is not simply finished."""


class SessionTable(QAbstractTableModel):
    """The sessions as rows, the newest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sessions: list[SavedSession] = []

    def show(self, sessions: Sequence[SavedSession]) -> None:
        self.beginResetModel()
        self.sessions = list(sessions)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.sessions)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        session, column = self.sessions[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return words(session)[column]
        if role == Qt.ItemDataRole.UserRole:
            return (session.started.timestamp(), session.source.lower(), session.length, session.preview)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return session.preview if column == 3 else str(session.path)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 2:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class SessionsDialog(QDialog):
    """Lists the folder anew each time that it opens."""

    open_wanted = Signal(object)
    """With the `SavedSession` that the user wants to read."""

    def __init__(self, folder: Path, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sessions")
        self._folder = folder
        self._background = background
        self._busy = False
        self.table = SessionTable(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self.table)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self._sorted.setFilterKeyColumn(-1)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.view = QTableView()
        self.notice = QLabel()
        self.open_button = QPushButton("&Open")
        self.delete_button = QPushButton("&Delete…")
        self._lay_out()
        self._select()

    @property
    def selected(self) -> list[SavedSession]:
        rows = self.view.selectionModel().selectedRows()
        return [self.table.sessions[self._sorted.mapToSource(row).row()] for row in rows]

    def set_busy(self, busy: bool) -> None:
        """While a session runs, no other one is opened."""
        self._busy = busy
        self.open_button.setToolTip("Stop listening first" if busy else "")
        self._select()

    @Slot()
    def refresh(self) -> None:
        """Look what is there, on a background thread."""
        folder = self._folder
        self._background.run(lambda: sessions(folder), done=self._show, failed=self._failed)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Source, date or words")
        self.search.setClearButtonEnabled(True)
        label = QLabel("&Find")
        label.setBuddy(self.search)
        self.search.setAccessibleName("Find a session")
        self.search.textChanged.connect(self._sorted.setFilterFixedString)
        top = QHBoxLayout()
        top.setSpacing(MEDIUM)
        top.addWidget(label)
        top.addWidget(self.search, 1)
        view = self.view
        view.setAccessibleName("Saved sessions")
        view.setModel(self._sorted)
        view.setSortingEnabled(True)
        view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setShowGrid(False)
        view.setAlternatingRowColors(True)
        view.setTabKeyNavigation(False)
        view.verticalHeader().hide()
        view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        view.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        view.horizontalHeader().setHighlightSections(False)
        view.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        view.setStyleSheet(f"QTableView::item {{ padding: 0 {SMALL}px; }}")
        view.setWordWrap(False)
        view.activated.connect(self._open)
        view.selectionModel().selectionChanged.connect(self._select)
        self.notice.setWordWrap(True)
        self.notice.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.open_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.delete_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        for button in buttons.buttons():
            cast(QPushButton, button).setAutoDefault(button is self.open_button)
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self._open)
        self.delete_button.clicked.connect(self._ask_to_delete)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(LARGE, LARGE, LARGE, LARGE)
        layout.setSpacing(MEDIUM)
        layout.addLayout(top)
        layout.addWidget(view, 1)
        layout.addWidget(self.notice)
        layout.addWidget(buttons)
        self.resize(760, 420)

    def _show(self, found: list[SavedSession]) -> None:
        self.table.show(found)
        self.notice.setText("Nothing has been saved yet: every session that you start will be listed here.")
        self.notice.setVisible(not found)
        if found:
            self.view.selectRow(0)
        self._select()

    def _failed(self, error: Exception) -> None:
        self.notice.setText(str(error))
        self.notice.show()

    @Slot()
    def _select(self) -> None:
        chosen = self.selected
        self.open_button.setEnabled(len(chosen) == 1 and not self._busy)
        self.delete_button.setEnabled(bool(chosen) and all(session.state != "running" for session in chosen))

    @Slot()
    def _open(self) -> None:
        if self.open_button.isEnabled():
            self.open_wanted.emit(self.selected[0])
            self.accept()

    @Slot()
    def _ask_to_delete(self) -> None:
        chosen = self.selected
        what = f"the session of {words(chosen[0])[0]}" if len(chosen) == 1 else f"{len(chosen)} sessions"
        box = QMessageBox(QMessageBox.Icon.Warning, "Delete", f"Delete {what} for good?", parent=self)
        delete = box.addButton("&Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.buttonClicked.connect(lambda button: self.delete(chosen) if button is delete else None)
        box.open()

    def delete(self, chosen: Sequence[SavedSession]) -> None:
        """Without asking."""
        paths = [session.path for session in chosen]

        def remove() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        self._background.run(remove, done=lambda _: self.refresh(), failed=self._failed)


def words(session: SavedSession) -> tuple[str, str, str, str]:
    """The columns."""
    begun = session.started.astimezone().strftime("%Y-%m-%d %H:%M")
    length = stamp(session.length)
    state = STATES.get(session.state)
    return begun, session.source, f"{length} ({state})" if state else length, session.preview
