"""Settings that are written can be read again, and what the user wrote beside them stays."""

from __future__ import annotations

import os
import stat
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from s2t2_live.errors import OutputError, SettingsError
from s2t2_live.settings import SECTIONS, TYPES, ModelSettings, OutputSettings, Settings, load_settings, user_file
from s2t2_live.settings_file import save_settings, values

OWN = """\
# my settings
[model]
threads = 2      # the other cores are for the browser
name = "demo-en-de"

[translation]
step = 0.7 # seconds
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def other(key: str, default: Any) -> Any:
    """A value that is not the default."""
    kind, least, most = TYPES[key].kind, TYPES[key].least, TYPES[key].most
    if get_origin(kind) is tuple:
        return get_args(get_args(kind)[0])[:2]
    if get_origin(kind) is not None:
        return next(value for value in get_args(kind) if value != default)
    if kind in (int, float):
        return next(kind(value) for value in (least, most, 7) if value not in (None, default))
    return {str: 'söme "text"', bool: not default, Path: Path("/some/folder")}[kind]


def everything_changed() -> Settings:
    settings = Settings()
    for section, section_type in SECTIONS.items():
        for entry in fields(section_type):
            value = other(f"{section}.{entry.name}", getattr(getattr(settings, section), entry.name))
            settings = replace(settings, **{section: replace(getattr(settings, section), **{entry.name: value})})
    return settings


def test_every_setting_comes_back(file: Path) -> None:
    wanted = everything_changed()
    assert all(values(wanted)[key] != value for key, value in values(Settings()).items())
    save_settings(Settings(), wanted, file)
    assert load_settings(file, {}, []) == wanted
    save_settings(wanted, Settings(), file)
    assert load_settings(file, {}, []) == Settings()


def test_what_the_user_wrote_stays(file: Path) -> None:
    file.write_text(OWN, encoding="utf-8")
    before = load_settings(file, {}, [])
    save_settings(before, replace(before, model=replace(before.model, threads=4, device="cpu")), file)
    assert file.read_text(encoding="utf-8") == OWN.replace("threads = 2 ", "threads = 4 ").replace(
        'name = "demo-en-de"\n', 'name = "demo-en-de"\ndevice = "cpu"\n'
    )


def test_a_default_is_taken_out(file: Path) -> None:
    file.write_text(OWN, encoding="utf-8")
    before = load_settings(file, {}, [])
    save_settings(before, replace(before, translation=Settings().translation), file)
    assert "step" not in file.read_text(encoding="utf-8")
    assert "# my settings" in file.read_text(encoding="utf-8")


def test_only_what_was_changed_is_written(file: Path) -> None:
    """What came from a flag for this run alone does not stay."""
    from_flags = Settings(model=ModelSettings(threads=3))
    save_settings(from_flags, replace(from_flags, output=OutputSettings(formats=("srt",))), file)
    assert load_settings(file, {}, []) == Settings(output=OutputSettings(formats=("srt",)))


def test_nothing_changed_nothing_written(file: Path) -> None:
    save_settings(Settings(), Settings(), file)
    assert not file.exists()


def test_the_users_own_file_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    wanted = Settings(model=ModelSettings(offline=True))
    save_settings(Settings(), wanted)
    assert user_file().is_relative_to(tmp_path)
    assert load_settings(None, {}, []) == wanted


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path, file: Path) -> None:
    target = tmp_path / "dotfiles" / "s2t2.toml"
    target.parent.mkdir()
    target.write_text(OWN, encoding="utf-8")
    target.chmod(0o640)
    file.symlink_to(target)
    save_settings(Settings(), Settings(model=ModelSettings(offline=True)), file)
    assert file.is_symlink()
    assert "offline = true" in target.read_text(encoding="utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_broken_file_is_not_overwritten(file: Path) -> None:
    file.write_text("[model", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"config\.toml is not valid TOML"):
        save_settings(Settings(), Settings(model=ModelSettings(offline=True)), file)
    assert file.read_text(encoding="utf-8") == "[model"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Cannot write the configuration file .*; the settings hold until the end"):
        save_settings(Settings(), Settings(model=ModelSettings(offline=True)), tmp_path / "file" / "config.toml")


def test_a_write_that_fails_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(OWN, encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        save_settings(Settings(), Settings(model=ModelSettings(offline=True)), file)
    assert file.read_text(encoding="utf-8") == OWN
    assert list(file.parent.iterdir()) == [file]
