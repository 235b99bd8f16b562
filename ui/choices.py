"""Connects the settings with what changes them in the main window: menus, boxes, the mouse wheel. Knows no engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFontDialog

from s2t2_live.live.presets import PRESETS, preset_name
from s2t2_live.settings import Contrast, Settings
from s2t2_live.settings import Theme as ThemeName
from ui.actions import SPACINGS, check
from ui.caption_style import LARGEST, SMALLEST, CaptionStyle

if TYPE_CHECKING:
    from ui.main_window import MainWindow


class Choices(QObject):
    """A change goes into the preferences, and from there to whatever shows it, whoever has made it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._preferences = window.preferences
        self._themed: tuple[ThemeName, Contrast] | None = None
        self._connect()
        self._preferences.changed.connect(lambda _, settings: self._show(settings))
        self._show(self._preferences.settings)

    @Slot(CaptionStyle)
    def set_caption_style(self, style: CaptionStyle) -> None:
        """Font, size and line spacing of the captions, kept for the next start."""
        size = min(max(style.size, SMALLEST), LARGEST)
        self._change_window(font=style.family or None, font_size=size, line_spacing=style.line_spacing)

    def _connect(self) -> None:
        window, actions = self._window, self._window.actions_
        actions.larger.triggered.connect(lambda: self._resize_text(2))
        actions.smaller.triggered.connect(lambda: self._resize_text(-2))
        actions.normal_size.triggered.connect(lambda: self._resize_text(None))
        actions.font.triggered.connect(self._choose_font)
        for name, action in actions.spacings.items():
            action.triggered.connect(lambda _, name=name: self._change_window(line_spacing=SPACINGS[name]))
        for name, action in actions.themes.items():
            action.triggered.connect(lambda _, name=name: self._change_window(theme=name))
        actions.high_contrast.triggered.connect(
            lambda checked: self._change_window(contrast="high" if checked else "normal")
        )
        for name, action in actions.stabilities.items():
            action.triggered.connect(lambda _, name=name: self._change_window(stability=name))
        for name, action in actions.presets.items():
            action.triggered.connect(lambda _, name=name: self._choose_preset(name))
        window.caption_view.style_wanted.connect(self.set_caption_style)
        window.model_box.chosen.connect(lambda name: self._change_model(name=name))
        window.device_box.chosen.connect(lambda device: self._change_model(device=device))

    def _resize_text(self, by: int | None) -> None:
        style = self._window.caption_view.style_
        self.set_caption_style(replace(style, size=CaptionStyle().size if by is None else style.size + by))

    @Slot()
    def _choose_font(self) -> None:
        style = self._window.caption_view.style_
        ok, font = QFontDialog.getFont(style.font, self._window, "Font of the captions")
        if ok:
            self.set_caption_style(replace(style, family=font.family(), size=font.pointSize()))

    def _choose_preset(self, name: str) -> None:
        preset, settings = PRESETS[name], self._preferences.settings
        translation = replace(settings.translation, policy=preset.policy, step=preset.step, beam_size=preset.beam_size)
        self._preferences.change(replace(settings, translation=translation))

    def _change_window(self, **changes: object) -> None:
        window = replace(self._preferences.settings.window, **changes)  # type: ignore[arg-type]
        self._preferences.change(replace(self._preferences.settings, window=window))

    def _change_model(self, **changes: object) -> None:
        model = replace(self._preferences.settings.model, **changes)  # type: ignore[arg-type]
        self._preferences.change(replace(self._preferences.settings, model=model))

    def _show(self, settings: Settings) -> None:
        """The controls, the captions and the theme as the settings want them."""
        actions, view, looks = self._window.actions_, self._window.caption_view, settings.window
        self._window.model_box.show_model(settings.model.name)
        self._window.device_box.show_device(settings.model.device)
        if (style := CaptionStyle.of(looks)) != view.style_:
            view.set_style(style)
        if looks.stability != view.transcript.stability:
            view.set_stability(looks.stability)
        if (looks.theme, looks.contrast) != self._themed:
            self._themed = (looks.theme, looks.contrast)
            self._window.theme.choose(*self._themed)
        actions.high_contrast.setChecked(looks.contrast == "high")
        translation = settings.translation
        spacing = next((name for name, factor in SPACINGS.items() if factor == looks.line_spacing), None)
        check(actions.spacings, spacing)
        check(actions.themes, looks.theme)
        check(actions.stabilities, looks.stability)
        check(actions.presets, preset_name(translation.policy, translation.step, translation.beam_size))
