"""Settings: one frozen tree, from defaults, the configuration file, the environment and flags, in rising order.

The tables and keys of the file are the tree's sections and fields; the environment has the same names in capitals,
``S2T2_LIVE_MODEL_THREADS`` for ``model.threads``. Knows neither the command line nor what the settings do.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import platformdirs

from s2t2_live.errors import SettingsError

ENVIRONMENT_PREFIX = "S2T2_LIVE_"

Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
Precision: TypeAlias = Literal["auto", "fp32", "int8", "bf16", "fp16"]
Policy: TypeAlias = Literal["local-agreement", "alignatt", "final-only"]
Detector: TypeAlias = Literal["webrtc", "silero"]
Format: TypeAlias = Literal["txt", "srt", "vtt", "jsonl"]
Theme: TypeAlias = Literal["system", "light", "dark"]
Contrast: TypeAlias = Literal["normal", "high"]
Stability: TypeAlias = Literal["everything", "committed", "sentences"]


@dataclass(frozen=True, slots=True)
class InputSettings:
    """What is listened to when no recording is given."""

    device: str | None = None
    """Name of an input, part of the name, or id; None is the microphone that the system chooses."""
    system_audio: bool = False
    """Listen to what the computer plays."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model translates, and on what."""

    name: str = "demo-en-de"
    """The shipped checkpoint, a folder, or the id of a repository on the Hugging Face hub."""
    device: Device = "auto"
    precision: Precision = "auto"
    threads: int | None = field(default=None, metadata={"least": 1, "most": 256})
    """Threads of one operation on the CPU; None leaves it to torch."""
    offline: bool = False
    """Use what is on this machine, download nothing."""


@dataclass(frozen=True, slots=True)
class TranslationSettings:
    """How the audio becomes captions."""

    policy: Policy = "local-agreement"
    step: float = field(default=0.3, metadata={"least": 0.1})
    """Seconds of new audio before a caption in the making is translated again."""
    beam_size: int = field(default=5, metadata={"least": 1, "most": 200})
    """Hypotheses that the final of a segment is chosen from."""
    certainty: float = field(default=0.6, metadata={"least": 0.0, "most": 1.0})
    """The probability that a word needs to be shown before its sentence is over."""
    threshold: float = field(default=400.0, metadata={"least": 0.0})
    """Milliseconds before the end of the audio from which the policy alignatt takes nothing for good."""
    vad: Detector = "webrtc"
    """What tells speech from silence."""


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Where captions are written; nowhere while both are left out."""

    directory: Path | None = None
    """None is the current folder."""
    formats: tuple[Format, ...] = ()

    @property
    def wanted(self) -> tuple[Format, ...]:
        """The formats to write; txt and srt where only a folder is given."""
        return self.formats or (("txt", "srt") if self.directory else ())


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How the window looks, and which words it shows."""

    theme: Theme = "system"
    contrast: Contrast = "normal"
    """Of the captions."""
    font: str | None = None
    """Family of the captions; None is the desktop's."""
    font_size: int = field(default=18, metadata={"least": 9, "most": 72})
    """Points."""
    line_spacing: float = field(default=1.15, metadata={"least": 1.0, "most": 3.0})
    """Of the font's own line height."""
    stability: Stability = "everything"
    """Words that may still change too, those alone that will not, or finished captions alone."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree."""

    input: InputSettings = InputSettings()
    model: ModelSettings = ModelSettings()
    translation: TranslationSettings = TranslationSettings()
    output: OutputSettings = OutputSettings()
    window: WindowSettings = WindowSettings()


@dataclass(frozen=True, slots=True)
class Setting:
    """One value from one place, not yet checked."""

    key: str
    """`section.field`."""
    value: Any
    origin: str
    """How to name the place to the user."""


def load_settings(file: Path | None, environment: Mapping[str, str], flags: Iterable[Setting]) -> Settings:
    """Defaults, then the file (None is `user_file`, which may be missing), then the environment, then the flags.

    Raises SettingsError with the place, the key and what it should have been.
    """
    layers = (from_file(file), from_environment(environment), [*flags])
    return reduce(apply, chain.from_iterable(map(_with_microphone, layers)), Settings())


def user_file() -> Path:
    """Where the user's own configuration file is looked for."""
    return Path(platformdirs.user_config_dir("s2t2-live", appauthor=False)) / "config.toml"


def from_file(file: Path | None) -> list[Setting]:
    """The settings in a TOML file."""
    path = user_file() if file is None else file
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows begin with a mark
    except (FileNotFoundError, NotADirectoryError):
        if file is None:
            return []
        raise SettingsError(f"There is no configuration file {path}; check the path after --config.") from None
    except OSError as error:
        raise SettingsError(
            f"Cannot read the configuration file {path}: {(error.strerror or str(error)).lower()}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration file {path} is not valid TOML: {error}.") from error
    return from_tables(body, path)


def from_tables(body: Mapping[str, Any], path: Path | str) -> list[Setting]:
    """The settings in the tables that were read from a file."""
    settings = []
    for section, table in body.items():
        if section not in SECTIONS:
            raise SettingsError(f"{path}: there is no setting {section}{_hint(section, SECTIONS, TYPES)}")
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {section} must be a table, [{section}], not {_shown(table)}.")
        for key, value in table.items():
            name = f"{section}.{key}"
            if name not in TYPES:
                raise SettingsError(f"{path}: there is no setting {name}{_hint(name, TYPES)}")
            settings.append(Setting(name, value, f"{path}: {name}"))
    return settings


def from_environment(environment: Mapping[str, str]) -> list[Setting]:
    """The settings in variables that begin with `ENVIRONMENT_PREFIX`; their values are text."""
    names = {f"{ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}": key for key in TYPES}
    settings = []
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if name not in names:
            raise SettingsError(f"There is no setting for the variable {name}{_hint(name, names)}")
        settings.append(Setting(names[name], parse(names[name], value), name))
    return settings


def _with_microphone(layer: Sequence[Setting]) -> Sequence[Setting]:
    """The settings of one place; an input that is named there takes the place of system audio chosen before."""
    given = {setting.key: setting.origin for setting in layer}
    if "input.device" not in given or "input.system_audio" in given:
        return layer
    return [*layer, Setting("input.system_audio", False, given["input.device"])]


def parse(key: str, text: str) -> Any:
    """The text of a flag or a variable as a value of the setting's type; text that does not fit comes back as it is."""
    kind = TYPES[key].kind
    if get_origin(kind) is tuple:
        return [item.strip() for item in text.split(",")]
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def apply(settings: Settings, setting: Setting) -> Settings:
    """The tree with one value changed. Raises SettingsError where the value does not fit."""
    section, _, name = setting.key.partition(".")
    kind = TYPES[setting.key]
    value = kind.fit(setting.value)
    if value is None:
        raise SettingsError(f"{setting.origin} must be {kind.wanted}, not {_shown(setting.value)}.")
    return replace(settings, **{section: replace(getattr(settings, section), **{name: value})})


@dataclass(frozen=True, slots=True)
class SettingType:
    """What a setting may be."""

    kind: Any
    least: float | None
    most: float | None

    def fit(self, value: Any) -> Any:
        """The value as it stands in the tree; None where it does not fit."""
        if get_origin(self.kind) is tuple:
            options = get_args(get_args(self.kind)[0])
            fits = isinstance(value, list) and value and all(item in options for item in value)
            return tuple(dict.fromkeys(value)) if fits else None
        if get_origin(self.kind) is Literal:
            return value if value in get_args(self.kind) else None
        if self.kind is Path:
            if not isinstance(value, str) or not value or "\0" in value:
                return None
            try:
                return Path(value).expanduser()
            except RuntimeError:  # there is no such user
                return None
        if self.kind is float and type(value) is int:
            value = float(value)
        # True is an int to isinstance.
        if type(value) is not self.kind or value in ("", float("inf")):
            return None
        fits = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return value if fits else None

    @property
    def wanted(self) -> str:
        """What the setting must be, to stand behind "must be"."""
        if get_origin(self.kind) is tuple:
            return "one or more of " + ", ".join(get_args(get_args(self.kind)[0]))
        if get_origin(self.kind) is Literal:
            *most, last = get_args(self.kind)
            return f"{', '.join(most)} or {last}"
        nouns = {str: "text", bool: "true or false", int: "a whole number", float: "a number", Path: "a folder"}
        least = "" if self.least is None else f" of at least {self.least:g}"
        return nouns[self.kind] + least + ("" if self.most is None else f" and at most {self.most:g}")


def _types() -> dict[str, SettingType]:
    types = {}
    for section, section_type in SECTIONS.items():
        hints = get_type_hints(section_type)
        for entry in fields(section_type):
            kind = hints[entry.name]
            if get_origin(kind) is UnionType:
                (kind,) = (part for part in get_args(kind) if part is not NoneType)
            types[f"{section}.{entry.name}"] = SettingType(
                kind, entry.metadata.get("least"), entry.metadata.get("most")
            )
    return types


def _hint(name: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """The end of a sentence about an unknown name: the one that was meant, or all that are known."""
    close = difflib.get_close_matches(name, [*known, *also], n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}."


def _shown(value: Any) -> str:
    """A value as the user wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value)) or "nothing"
    return f'"{value}"' if isinstance(value, str) else str(value)


SECTIONS: dict[str, Any] = get_type_hints(Settings)
TYPES = _types()
