"""The menus of the main window and their actions. Knows nothing of what they do."""

from __future__ import annotations

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from s2t2_live.live.presets import PRESETS, STABILITIES

Keys = QKeySequence.StandardKey

STABILITY_WORDS = {
    "everything": ("&Everything", "Also words that may still change, in grey"),
    "committed": ("&Settled words only", "Words appear when they will not change any more"),
    "sentences": ("&Whole sentences", "A caption appears when its sentence is over"),
}
PRESET_WORDS = {
    "low latency": ("Low &latency", "Each word once its sound is past"),
    "balanced": ("&Balanced", "Each word once two looks agree"),
    "best quality": ("Best &quality", "Each sentence as a whole, after its end"),
}
THEME_WORDS = {
    "system": ("Like the &desktop", "Light by day and dark by night, where the desktop does so"),
    "light": ("&Light", ""),
    "dark": ("D&ark", ""),
}
SPACINGS = {"&Compact": 1.0, "&Normal": 1.15, "&Wide": 1.5}


class Actions:
    """Every menu and action has a name, by which others connect to it or add to it."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        bar = window.menuBar()
        self.session_menu = bar.addMenu("&Session")
        self.edit_menu = bar.addMenu("&Edit")
        self.view_menu = bar.addMenu("&View")
        self.captions_menu = bar.addMenu("&Captions")
        self.tools_menu = bar.addMenu("&Tools")
        self.help_menu = bar.addMenu("&Help")

        self.toggle = self._action(self.session_menu, "Sta&rt", "Ctrl+R")
        self.pause = self._action(self.session_menu, "Pa&use", "Ctrl+P")
        self.listen = self._action(self.session_menu, "Pla&y or pause the recording", "Ctrl+Space")
        self.session_menu.addSeparator()
        self.open = self._action(self.session_menu, "&Open recording…", Keys.Open)
        self.sample = self._action(self.session_menu, "Play the &shipped recording")
        self.session_menu.addSeparator()
        self.export_menu = self.session_menu.addMenu("&Export")
        self.session_menu.addSeparator()
        self.quit = self._action(self.session_menu, "&Quit", "Ctrl+Q")

        self.undo_clear = self._action(self.edit_menu, "&Undo clear", Keys.Undo)
        self.edit_menu.addSeparator()
        self.copy = self._action(self.edit_menu, "&Copy", Keys.Copy)
        self.copy_all = self._action(self.edit_menu, "Copy &all captions", "Ctrl+Shift+C")
        self.edit_menu.addSeparator()
        self.find = self._action(self.edit_menu, "&Find…", Keys.Find)
        self.find_next = self._action(self.edit_menu, "Find &next", "F3")
        self.find_previous = self._action(self.edit_menu, "Find &previous", "Shift+F3")
        self.edit_menu.addSeparator()
        self.clear = self._action(self.edit_menu, "C&lear captions", "Ctrl+L")

        self.overlay = self._action(self.view_menu, "&Overlay", "Ctrl+Shift+O", checkable=True)
        self.view_menu.addSeparator()
        self.larger = self._action(self.view_menu, "&Larger text", "Ctrl++")
        self.larger.setShortcuts([QKeySequence("Ctrl++"), QKeySequence("Ctrl+=")])
        self.smaller = self._action(self.view_menu, "S&maller text", "Ctrl+-")
        self.normal_size = self._action(self.view_menu, "&Normal size", "Ctrl+0")
        self.font = self._action(self.view_menu, "&Font…")
        self.spacing_menu = self.view_menu.addMenu("Line &spacing")
        self.spacings = self._choice(self.spacing_menu, {words: (words, "") for words in SPACINGS})
        self.high_contrast = self._action(self.view_menu, "&High contrast", checkable=True)
        self.theme_menu = self.view_menu.addMenu("&Theme")
        self.themes = self._choice(self.theme_menu, THEME_WORDS)
        self.view_menu.addSeparator()
        self.back_to_live = self._action(self.view_menu, "Back to l&ive", "Ctrl+End")

        self.captions_menu.addSection("How much is shown")
        self.stabilities = self._choice(self.captions_menu, {name: STABILITY_WORDS[name] for name in STABILITIES})
        self.captions_menu.addSection("How soon")
        self.presets = self._choice(self.captions_menu, {name: PRESET_WORDS[name] for name in PRESETS})

        self.settings = self._action(self.tools_menu, "&Settings…", "Ctrl+,")
        self.reload = self._action(self.tools_menu, "&Load the model again")

        self.shortcuts = self._action(self.help_menu, "&Keyboard shortcuts", "F1")
        self.about = self._action(self.help_menu, "&About s2t2-live")

    def table(self) -> list[tuple[str, str]]:
        """Every action that has a key, with the key, in the order of the menus."""
        return [
            (action.text().replace("&", "").removesuffix("…"), keys.toString(QKeySequence.SequenceFormat.NativeText))
            for menu in self._window.menuBar().findChildren(QMenu)
            for action in menu.actions()
            if not (keys := action.shortcut()).isEmpty()
        ]

    def _action(
        self, menu: QMenu, text: str, keys: str | QKeySequence.StandardKey | None = None, *, checkable: bool = False
    ) -> QAction:
        action = QAction(text, self._window, checkable=checkable)
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
        menu.addAction(action)
        return action

    def _choice(self, menu: QMenu, words: dict[str, tuple[str, str]]) -> dict[str, QAction]:
        """Actions of which one is checked, by name."""
        group = QActionGroup(self._window)
        actions = {}
        menu.setToolTipsVisible(True)
        for name, (text, hint) in words.items():
            actions[name] = self._action(menu, text, checkable=True)
            actions[name].setToolTip(hint)
            group.addAction(actions[name])
        return actions


def check(actions: dict[str, QAction], chosen: str | None) -> None:
    """Check this one of a choice; None is none of them."""
    for name, action in actions.items():
        group = action.actionGroup()
        # An exclusive group would not let go of its last one.
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        action.setChecked(name == chosen)
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.Exclusive)
