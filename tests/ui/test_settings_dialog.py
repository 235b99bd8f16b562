"""The settings dialog: every setting is there, comes back as it went in, and is checked before it is applied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args, get_origin

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from s2t2_live.audio.input_device import InputDevice
from s2t2_live.live.presets import PRESETS
from s2t2_live.settings import (
    TYPES,
    InputSettings,
    ModelSettings,
    OutputSettings,
    Settings,
    TranslationSettings,
    WindowSettings,
)
from s2t2_live.settings_file import values
from ui.setting_fields import Choice, Folder, Number, Several, WholeNumber
from ui.settings_dialog import SettingsDialog

FILE = Path("/home/anna/.config/s2t2-live/config.toml")
USB = InputDevice("alsa:1", "USB microphone", "microphone", 1, 48_000, default=True)
LOOP = InputDevice("pulse:1.monitor", "Monitor", "system", 2, 48_000, default=True)


def opened(qtbot: QtBot, settings: Settings | None = None) -> SettingsDialog:
    dialog = SettingsDialog(settings or Settings(), inputs=[USB, LOOP], file=FILE)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def press(qtbot: QtBot, dialog: SettingsDialog, text: str) -> None:
    (button,) = (button for button in dialog.findChildren(QPushButton) if button.text().replace("&", "") == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_every_setting_has_a_field(qtbot: QtBot) -> None:
    fields = set(opened(qtbot).fields)
    assert fields - {"input"} | {"input.device", "input.system_audio"} == set(TYPES)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            InputSettings(device=USB.id),
            ModelSettings("owner/model", "cuda", "bf16", 5, offline=True),
            TranslationSettings("alignatt", 0.725, 3, 0.333, 250.0, "silero"),
            OutputSettings(Path("/tmp"), ("srt", "vtt")),
            WindowSettings("dark", "high", None, 33, 1.237, "sentences"),
        ),
        Settings(
            InputSettings(system_audio=True),
            ModelSettings("facebook/s2t-wav2vec2-large-en-tr", threads=500),
            TranslationSettings(step=60.0, beam_size=50),
        ),
        Settings(InputSettings(device="A microphone that is not here"), window=WindowSettings(font="No such font")),
    ],
)
def test_what_goes_in_comes_out(qtbot: QtBot, settings: Settings) -> None:
    dialog = opened(qtbot, settings)
    assert dialog.settings == settings


def test_every_value_can_be_chosen(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    for key, kind in TYPES.items():
        if get_origin(kind.kind) is tuple:
            wanted: Any = [get_args(get_args(kind.kind)[0])]
            assert set(cast(Several, dialog.fields[key]).boxes) == set(wanted[0])
        elif get_origin(kind.kind) is not None:
            field = cast(Choice, dialog.fields[key])
            count = field.count()
            for value in get_args(kind.kind):
                field.put(value)
                assert values(dialog.settings)[key] == value
            assert field.count() == count, "a value without words of its own"


def test_the_numbers_keep_to_the_limits_of_the_settings(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    for key, field in dialog.fields.items():
        if isinstance(field, Number | WholeNumber):
            field.setValue(field.minimum())
            least = field.get()
            assert least is None or TYPES[key].fit(least) == least
            field.setValue(field.maximum())
            assert TYPES[key].fit(field.get()) == field.get()


def test_the_inputs_that_are_there_and_the_two_that_always_are(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    field = cast(Choice, dialog.fields["input"])
    assert [field.itemText(row) for row in range(field.count())] == [
        "The microphone that the system chooses",
        "What this computer plays",
        "USB microphone",
        "Monitor",
    ]
    field.setCurrentIndex(2)
    assert dialog.settings.input == InputSettings(device=USB.id)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_what_it_stands_for(qtbot: QtBot, name: str) -> None:
    dialog = opened(qtbot, Settings(translation=TranslationSettings("alignatt", 3.0, 7)))
    assert dialog.preset.get() is None
    dialog.preset.put(name)
    translation = dialog.settings.translation
    assert (translation.policy, translation.beam_size) == (PRESETS[name].policy, PRESETS[name].beam_size)
    cast(WholeNumber, dialog.fields["translation.beam_size"]).put(9)
    assert dialog.preset.get() is None
    cast(WholeNumber, dialog.fields["translation.beam_size"]).put(PRESETS[name].beam_size)
    assert dialog.preset.get() == name


def test_what_a_policy_does_not_use_cannot_be_changed(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    enabled = {}
    for policy in ("local-agreement", "alignatt", "final-only"):
        dialog.fields["translation.policy"].put(policy)
        enabled[policy] = [
            cast(QWidget, dialog.fields[f"translation.{name}"]).isEnabled()
            for name in ("step", "certainty", "threshold")
        ]
    assert enabled == {
        "local-agreement": [True, True, False],
        "alignatt": [True, True, True],
        "final-only": [False, False, False],
    }


def test_apply_and_ok_tell_of_a_change_once(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.fields["window.font_size"].put(30)
    with qtbot.waitSignal(dialog.applied) as caught:
        press(qtbot, dialog, "Apply")
    assert caught.args == [Settings(window=WindowSettings(font_size=30))]
    with qtbot.assertNotEmitted(dialog.applied):
        press(qtbot, dialog, "OK")
    assert not dialog.isVisible()


def test_cancel_and_escape_tell_nothing(qtbot: QtBot) -> None:
    for leave in (lambda d: press(qtbot, d, "Cancel"), lambda d: qtbot.keyClick(d, Qt.Key.Key_Escape)):
        dialog = opened(qtbot)
        dialog.fields["window.font_size"].put(30)
        with qtbot.assertNotEmitted(dialog.applied):
            leave(dialog)
        assert not dialog.isVisible()


def test_the_defaults(qtbot: QtBot) -> None:
    dialog = opened(qtbot, Settings(model=ModelSettings(threads=3), window=WindowSettings(theme="dark")))
    press(qtbot, dialog, "Defaults")
    assert dialog.settings == Settings()


@pytest.mark.parametrize(
    ("key", "change", "sentence"),
    [
        (
            "model.name",
            {"model": ModelSettings(name="no such thing")},
            "one of the list, a folder, or a hub id",
        ),
        (
            "output.directory",
            {"output": OutputSettings(directory=Path(__file__) / "captions")},
            "captions cannot be written to",
        ),
        (
            "output.directory",
            {"output": OutputSettings(directory=Path(__file__) / "captions", formats=("srt",))},
            "captions cannot be written to",
        ),
    ],
)
def test_a_problem_is_shown_beside_its_field(qtbot: QtBot, key: str, change: dict[str, Any], sentence: str) -> None:
    dialog = opened(qtbot, replace(Settings(), **change))
    with qtbot.assertNotEmitted(dialog.applied):
        press(qtbot, dialog, "OK")
    assert dialog.isVisible()
    assert sentence in dialog.problem.text()
    assert dialog.problem.isVisible()
    field = cast(QWidget, dialog.fields[key])
    assert field.isVisible()
    focused = dialog.focusWidget()
    assert focused is not None
    assert field.isAncestorOf(focused) or focused is field
    dialog.fields["window.font_size"].put(20)
    assert not dialog.problem.isVisible()


def test_a_folder_that_is_not_there_yet_will_do(qtbot: QtBot, tmp_path: Path) -> None:
    output = OutputSettings(directory=tmp_path / "new" / "captions", formats=("srt",))
    dialog = opened(qtbot, Settings(output=output))
    assert dialog.problems() == {}


@pytest.mark.parametrize(
    ("output", "written", "placeholder"),
    [
        (OutputSettings(), "No caption files are written.", "None"),
        (OutputSettings(formats=("srt",)), "SubRip, into the current folder.", "The current folder"),
        (OutputSettings(directory=Path("/tmp")), "Text, SubRip, into this folder.", "The current folder"),
        (OutputSettings(Path("/tmp"), ("vtt", "jsonl")), "WebVTT, JSON lines, into this folder.", "The current folder"),
    ],
)
def test_formats_and_folder_can_each_be_left_out(
    qtbot: QtBot, output: OutputSettings, written: str, placeholder: str
) -> None:
    dialog = opened(qtbot, Settings(output=output))
    dialog.fields["window.font_size"].put(30)
    with qtbot.waitSignal(dialog.applied) as caught:
        press(qtbot, dialog, "Apply")
    assert caught.args == [Settings(output=output, window=WindowSettings(font_size=30))]
    assert dialog.written.text().endswith(written)
    assert cast(Folder, dialog.fields["output.directory"]).edit.placeholderText() == placeholder
    dialog.fields["output.formats"].put(())
    dialog.fields["output.directory"].put(None)
    assert dialog.written.text() == "No caption files are written."


def test_the_default_step_is_shown_and_can_be_set_again(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    step = cast(Number, dialog.fields["translation.step"])
    assert step.text() == step.locale().toString(0.3, "f", 2) + " s"
    step.stepDown()
    assert dialog.settings.translation.step == 0.25
    assert dialog.preset.get() is None
    step.stepUp()
    assert dialog.settings == Settings()
    assert dialog.preset.get() == "balanced"


def test_a_number_that_the_user_has_edited_is_what_it_shows(qtbot: QtBot) -> None:
    dialog = opened(qtbot, Settings(window=WindowSettings(line_spacing=1.237)))
    spacing = cast(Number, dialog.fields["window.line_spacing"])
    assert spacing.value() == 1.24
    spacing.stepUp()
    spacing.stepDown()
    assert dialog.settings.window.line_spacing == 1.24


def test_what_the_user_has_not_changed_follows(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.fields["window.font_size"].put(30)
    dialog.fields["window.contrast"].put("high")
    now = Settings(
        InputSettings(device="A new microphone"),
        ModelSettings("owner/model", threads=2),
        TranslationSettings("alignatt", beam_size=1),
        OutputSettings(formats=("vtt", "srt")),
        WindowSettings("dark", font_size=22, line_spacing=1.5),
    )
    dialog.follow(now)
    assert cast(Choice, dialog.fields["input"]).currentText() == "A new microphone"
    assert dialog.fields["window.theme"].get() == "dark"
    assert dialog.fields["window.font_size"].get() == 30
    assert dialog.preset.get() == "low latency"
    wanted = replace(now, window=replace(now.window, font_size=30, contrast="high"))
    assert dialog.settings == wanted
    with qtbot.waitSignal(dialog.applied) as caught:
        press(qtbot, dialog, "Apply")
    assert caught.args == [wanted]
    now = replace(wanted, window=replace(wanted.window, font_size=24))
    dialog.follow(now)
    assert dialog.fields["window.font_size"].get() == 24, "what has been applied follows again"
    assert dialog.settings == now


def test_what_the_user_has_set_back_follows_again(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    size = dialog.fields["window.font_size"]
    size.put(30)
    size.put(18)
    dialog.follow(Settings(window=WindowSettings(font_size=22)))
    assert size.get() == 22
    size.put(30)
    dialog.follow(Settings(window=WindowSettings(font_size=24)))
    size.put(18)
    assert dialog.settings.window.font_size == 18


def test_a_problem_stays_while_other_settings_change(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    dialog.fields["model.name"].put("no such thing")
    press(qtbot, dialog, "Apply")
    dialog.follow(Settings(window=WindowSettings(font_size=22)))
    assert dialog.problem.isVisible()


def test_the_preview_follows(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    before = dialog.preview.grab().toImage()
    seen = [before]
    for key, value in (
        ("window.font_size", 30),
        ("window.line_spacing", 2.0),
        ("window.theme", "dark"),
        ("window.contrast", "high"),
        ("window.stability", "committed"),
    ):
        dialog.fields[key].put(value)
        image = dialog.preview.grab().toImage()
        assert image != seen[-1], key
        seen.append(image)


def test_everything_can_be_reached_by_keyboard_and_has_a_name(qtbot: QtBot) -> None:
    dialog = opened(qtbot)
    tabs = [dialog.pages.tabText(index) for index in range(dialog.pages.count())]
    box = [button.text() for button in dialog.findChildren(QPushButton) if not dialog.pages.isAncestorOf(button)]
    for index in range(dialog.pages.count()):
        dialog.pages.setCurrentIndex(index)
        page = cast(QWidget, dialog.pages.currentWidget())
        labels = [label.text() for label in page.findChildren(QLabel) if label.buddy()]
        labels += [button.text() for button in page.findChildren(QAbstractButton) if button.text()]
        keys = [text.split("&")[1][0].lower() for text in [*tabs, *box, *labels] if "&" in text]
        assert len(keys) == len(set(keys)), sorted(keys)
        for control in page.findChildren(QWidget):
            if control.focusPolicy() & Qt.FocusPolicy.TabFocus and control.isVisible():
                name = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
                # A spin box has a line of text inside, which is spoken under the name of the box.
                assert name or cast(QWidget, control.parent()).accessibleName(), control
        for field in dialog.fields.values():
            widget = cast(QWidget, field)
            if page.isAncestorOf(widget) and not isinstance(field, QCheckBox):
                assert (widget.focusProxy() or widget).focusPolicy() & Qt.FocusPolicy.TabFocus


def test_the_file_is_named(qtbot: QtBot, home: Path) -> None:
    dialog = opened(qtbot)
    assert any(str(FILE) in label.text() for label in dialog.findChildren(QLabel))
    dialog = SettingsDialog(Settings(), file=home / "config" / "config.toml")
    qtbot.addWidget(dialog)
    assert any(label.text() == "Kept in ~/config/config.toml" for label in dialog.findChildren(QLabel))
