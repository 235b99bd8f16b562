"""Lets the user change the settings, on four pages. Knows not what becomes of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from s2t2_live.live.presets import PRESETS, preset_name
from s2t2_live.settings import TYPES, InputSettings, OutputSettings, Settings
from ui.actions import STABILITY_WORDS
from ui.announcement import announce
from ui.model_boxes import DEVICES, MODELS
from ui.setting_fields import Choice, Field, Folder, ModelName, Number, Several, Switch, WholeNumber
from ui.theme import LARGE, MEDIUM, colours

if TYPE_CHECKING:
    from s2t2_live.audio.input_device import InputDevice

HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
PRESET_WORDS = {
    "low latency": "Low latency: each word once its sound is past",
    "balanced": "Balanced: each word once two looks agree",
    "best quality": "Best quality: each sentence after its end",
}
POLICY_WORDS = {
    "local-agreement": "When two looks in a row agree (local-agreement)",
    "alignatt": "When their sound is complete (alignatt)",
    "final-only": "After each pause (final-only)",
}
FORMAT_WORDS = {"txt": "Te&xt", "srt": "S&ubRip", "vtt": "&WebVTT", "jsonl": "&JSON lines"}


class SettingsDialog(QDialog):
    """Stays open beside the captions, so that a change can be tried with Apply."""

    applied = Signal(object)
    """The new settings, checked as far as that can be done here."""

    def __init__(
        self, settings: Settings, *, inputs: Sequence[InputDevice] = (), file: Path, parent: QWidget | None = None
    ) -> None:
        """`inputs` are those that can be listened to now; `file` is where the settings are kept."""
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._before = settings
        self._filling = False
        self.fields: dict[str, Field] = {}
        """By the setting's key; `input` is a whole section."""
        self._changed: set[str] = set()
        """Keys of the fields that the user has given another value."""
        self.pages = QTabWidget()
        self.pages.setAccessibleName("Pages of settings")
        self.preset = Choice([*PRESET_WORDS.items(), (None, "Values of your own")])
        self.preview = QLabel()
        self.written = QLabel()
        self.problem = QLabel()
        self._lay_out(inputs, file)
        self.follow(settings)

    @property
    def settings(self) -> Settings:
        """Those in force, with what the user has changed here."""
        settings = self._before
        for key in self._changed:
            section, _, name = key.partition(".")
            value = self.fields[key].get()
            changed = replace(getattr(settings, section), **{name: value}) if name else value
            settings = replace(settings, **{section: changed})
        return settings

    def follow(self, settings: Settings) -> None:
        """These are in force now: show them, but for what the user has changed here."""
        self._before = settings
        self._fill(settings, self.fields.keys() - self._changed)
        self._compare(self._changed)
        self._show_effects()

    def problems(self) -> dict[str, str]:
        """What cannot stay as it is, by the key of its field."""
        found, settings = {}, self.settings
        name, folder = settings.model.name, settings.output.directory
        if not (name in MODELS or Path(name).expanduser().is_dir() or HUB_ID.fullmatch(name)):
            found["model.name"] = "The model must be one of the list, a folder, or a hub id like owner/name."
        if folder is not None and not _writable(folder):
            found["output.directory"] = f"The folder {folder} cannot be written to; choose another one."
        return found

    @Slot()
    def accept(self) -> None:
        if self._apply():
            super().accept()

    def _lay_out(self, inputs: Sequence[InputDevice], file: Path) -> None:
        self.pages.addTab(self._captions_page(), "&Captions")
        self.pages.addTab(self._translation_page(), "&Translation")
        self.pages.addTab(self._model_page(), "&Model")
        self.pages.addTab(self._files_page(inputs), "&Sources and files")
        home = Path.home()
        kept = QLabel(f"Kept in {Path('~') / file.relative_to(home) if file.is_relative_to(home) else file}")
        kept.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        kept.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        kept.setWordWrap(True)
        self.problem.setForegroundRole(QPalette.ColorRole.BrightText)
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName("Problem")
        self.problem.hide()
        buttons = QDialogButtonBox()
        kinds = QDialogButtonBox.StandardButton
        for kind, text, slot in (
            (kinds.Ok, "&OK", self.accept),
            (kinds.Cancel, "Cancel", self.reject),
            (kinds.Apply, "&Apply", self._apply),
            (kinds.RestoreDefaults, "&Defaults", self._restore_defaults),
        ):
            button = cast(QAbstractButton, buttons.addButton(kind))
            button.setText(text)
            button.clicked.connect(slot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(LARGE, LARGE, LARGE, LARGE)
        layout.setSpacing(MEDIUM)
        for widget in (self.pages, self.problem, kept, buttons):
            layout.addWidget(widget)
        for key, field in self.fields.items():
            field.changed.connect(partial(self._edited, key))
        self.preset.changed.connect(self._preset_chosen)
        self.setMinimumWidth(600)

    def _captions_page(self) -> QWidget:
        page = _Page(self.fields)
        page.add("window.theme", "T&heme", Choice([("system", "As the desktop"), ("light", "Light"), ("dark", "Dark")]))
        families = [(family, family) for family in QFontDatabase.families()]
        page.add("window.font", "&Font", Choice([(None, "The desktop's font"), *families]))
        page.add("window.font_size", "Si&ze", WholeNumber(TYPES["window.font_size"], most=72, unit=" pt"))
        page.add(
            "window.line_spacing",
            "&Line spacing",
            Number(TYPES["window.line_spacing"], most=3, step=0.05, decimals=2, unit=" ×"),
        )
        page.add("window.contrast", "Co&ntrast", Choice([("normal", "Normal"), ("high", "High")]))
        stabilities = [(name, text.replace("&", "")) for name, (text, _) in STABILITY_WORDS.items()]
        page.add("window.stability", "&Words shown", Choice(stabilities))
        self.preview.setAccessibleName("Preview of the captions")
        self.preview.setMinimumHeight(130)
        self.preview.setMargin(MEDIUM)
        self.preview.setWordWrap(True)
        self.preview.setAutoFillBackground(True)
        page.form.addRow(self.preview)
        return page

    def _translation_page(self) -> QWidget:
        page = _Page(self.fields)
        page.add_control("&Preset", self.preset)
        page.add("translation.policy", "&Words are settled", Choice(POLICY_WORDS.items()))
        step = Number(TYPES["translation.step"], most=10, step=0.05, decimals=2, unit=" s")
        page.add("translation.step", "Look &every", step, "How much new audio there is between two looks at a sentence")
        page.add(
            "translation.beam_size",
            "&Hypotheses",
            WholeNumber(TYPES["translation.beam_size"], most=20),
            "How many translations of a finished sentence are compared; more take longer",
        )
        page.add(
            "translation.certainty",
            "Certaint&y",
            Number(TYPES["translation.certainty"], most=1, step=0.05, decimals=2),
            "The probability that a word needs to be shown before its sentence is over",
        )
        page.add(
            "translation.threshold",
            "Hold bac&k",
            Number(TYPES["translation.threshold"], most=5000, step=50, decimals=0, unit=" ms"),
            "The end of the audio from which alignatt takes no word for good",
        )
        detectors = [("webrtc", "WebRTC"), ("silero", "Silero (needs the extra “silero”)")]
        page.add("translation.vad", "&Voice detector", Choice(detectors), "What tells speech from silence")
        return page

    def _model_page(self) -> QWidget:
        page = _Page(self.fields)
        page.add("model.name", "&Languages", ModelName(MODELS))
        page.add("model.device", "&Processor", Choice(DEVICES.items()))
        precisions = [
            ("auto", "Automatic"),
            ("fp32", "32 bit"),
            ("int8", "8 bit integers (CPU; less memory)"),
            ("bf16", "16 bit (bf16)"),
            ("fp16", "16 bit (fp16, GPU)"),
        ]
        page.add("model.precision", "P&recision", Choice(precisions))
        page.add("model.threads", "T&hreads", WholeNumber(TYPES["model.threads"], most=64, none="As PyTorch chooses"))
        page.add("model.offline", "", Switch("&Never download: use what is on this computer"))
        page.note(
            "A model that is not on this computer is downloaded when it is chosen; that can be stopped and resumed."
        )
        return page

    def _files_page(self, inputs: Sequence[InputDevice]) -> QWidget:
        page = _Page(self.fields)
        known = [(InputSettings(device=device.id), device.name) for device in inputs]
        sources = [
            (InputSettings(), "The microphone that the system chooses"),
            (InputSettings(system_audio=True), "What this computer plays"),
        ]
        page.add("input", "&Input at the start", Choice([*sources, *known]))
        page.add("output.formats", "Caption &files", Several(FORMAT_WORDS))
        page.add("output.directory", "In the fo&lder", Folder())
        page.add_note(self.written)
        page.note("Sessions are saved in any case; Session › Saved sessions has them.")
        return page

    def _fill(self, settings: Settings, keys: Iterable[str]) -> None:
        self._filling = True
        for key in keys:
            field, value = self.fields[key], _value(settings, key)
            if key == "input":
                cast(Choice, field).name(value, value.device or "What this computer plays")
            if field.get() != value:  # a number that is being typed stays
                field.put(value)
        self._filling = False

    def _edited(self, *keys: str) -> None:
        if not self._filling:
            self._compare(keys)
            self.problem.hide()
            self._show_effects()

    def _compare(self, keys: Iterable[str]) -> None:
        """Which of these differ from the settings in force; one that is back at its value follows them again."""
        changed = {key for key in keys if self.fields[key].get() != _value(self._before, key)}
        self._changed = self._changed.difference(keys) | changed

    def _show_effects(self) -> None:
        """What follows from the values in the fields."""
        settings = self.settings
        translation, window = settings.translation, settings.window
        self._filling = True
        self.preset.put(preset_name(translation.policy, translation.step, translation.beam_size))
        self._filling = False
        cast(QWidget, self.fields["translation.step"]).setEnabled(translation.policy != "final-only")
        cast(QWidget, self.fields["translation.certainty"]).setEnabled(translation.policy != "final-only")
        cast(QWidget, self.fields["translation.threshold"]).setEnabled(translation.policy == "alignatt")
        self._show_written(settings.output)
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128 if window.theme == "system" else None
        shown = colours(dark=window.theme == "dark" if dark is None else dark, contrast=window.contrast)
        family = f"font-family: '{escape(window.font)}';" if window.font else ""
        tail = (
            f" <span style='color: {shown.tentative}'>Der Zug fährt</span>" if window.stability == "everything" else ""
        )
        self.preview.setStyleSheet(
            f"background: {shown.surface}; color: {shown.text}; border: 1px solid {shown.border}; border-radius: 4px;"
        )
        self.preview.setText(
            f'<p style="{family} font-size: {window.font_size}pt; line-height: {100 * window.line_spacing:.0f}%">'
            f"Guten Morgen!{tail}</p>"
        )

    def _show_written(self, output: OutputSettings) -> None:
        """Formats and folder as they will be, where the user leaves one of them out."""
        words = ", ".join(FORMAT_WORDS[name].replace("&", "") for name in output.wanted)
        place = "the current folder" if output.directory is None else "this folder"
        self.written.setText(
            f"Written while you listen: {words}, into {place}." if words else "No caption files are written."
        )
        folder = cast(Folder, self.fields["output.directory"])
        folder.edit.setPlaceholderText("The current folder" if words else "None")

    @Slot()
    def _preset_chosen(self) -> None:
        name = self.preset.get()
        if self._filling or name is None:
            return
        preset = PRESETS[name]
        values = {
            "translation.policy": preset.policy,
            "translation.step": preset.step,
            "translation.beam_size": preset.beam_size,
        }
        self._filling = True
        for key, value in values.items():
            self.fields[key].put(value)
        self._filling = False
        self._edited(*values)

    @Slot()
    def _apply(self) -> bool:
        for key, sentence in self.problems().items():
            self._show_problem(key, sentence)
            return False
        settings = self.settings
        if settings != self._before:
            self._before = settings
            self._changed = set()
            self.applied.emit(settings)
        return True

    def _show_problem(self, key: str, sentence: str) -> None:
        field = cast(QWidget, self.fields[key])
        page = next(page for page in self.pages.findChildren(_Page) if page.isAncestorOf(field))
        self.pages.setCurrentWidget(page)
        field.setFocus()
        self.problem.setText(sentence)
        self.problem.show()
        announce(self.problem, sentence)

    @Slot()
    def _restore_defaults(self) -> None:
        self._fill(Settings(), self.fields)
        self._edited(*self.fields)


class _Page(QWidget):
    """A column of labelled fields."""

    def __init__(self, fields: dict[str, Field]) -> None:
        super().__init__()
        self._fields = fields
        self.form = QFormLayout(self)
        self.form.setContentsMargins(LARGE, LARGE, LARGE, LARGE)
        self.form.setVerticalSpacing(MEDIUM + 2)
        self.form.setHorizontalSpacing(LARGE)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def add(self, key: str, label: str, field: QWidget, hint: str = "") -> None:
        self._fields[key] = cast(Field, field)
        self.add_control(label, field, hint)

    def add_control(self, label: str, control: QWidget, hint: str = "") -> None:
        """`control` is named to screen readers as it is labelled."""
        name = label.replace("&", "")
        control.setToolTip(hint)
        target = control.focusProxy() or control
        if label:
            target.setAccessibleName(name)
            text = QLabel(label)
            text.setBuddy(target)
            self.form.addRow(text, control)
        else:
            self.form.addRow("", control)

    def note(self, text: str) -> None:
        self.add_note(QLabel(text))

    def add_note(self, label: QLabel) -> None:
        label.setWordWrap(True)
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.form.addRow("", label)


def _value(settings: Settings, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name) if name else getattr(settings, section)


def _writable(folder: Path) -> bool:
    """Whether the folder can be written to, or made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)
