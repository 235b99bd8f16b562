"""Where settings come from, which one wins, and what is said about those that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2t2_live.errors import SettingsError
from s2t2_live.live.session import EngineSettings
from s2t2_live.settings import TYPES, Setting, Settings, load_settings, user_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, without a configuration file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def written(folder: Path, body: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(body, encoding="utf-8")
    return path


def test_without_anything_the_defaults(home: Path) -> None:
    assert load_settings(None, {"PATH": "/bin", "HOME": "/"}, []) == Settings()


def test_the_defaults_are_those_of_the_engine() -> None:
    settings, engine = Settings().translation, EngineSettings()
    assert (settings.policy, settings.step) == (engine.policy.name, engine.policy.step)
    assert settings.beam_size == engine.beam_size


def test_later_places_win(home: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text('[model]\nname = "file"\ndevice = "cpu"\nthreads = 1\n', encoding="utf-8")
    settings = load_settings(
        None,
        {"S2T2_LIVE_MODEL_THREADS": "2", "S2T2_LIVE_MODEL_NAME": "environment"},
        [Setting("model.name", "flag", "--model")],
    )
    assert (settings.model.device, settings.model.threads, settings.model.name) == ("cpu", 2, "flag")


def test_a_named_file_takes_the_place_of_the_users(home: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("[model]\nthreads = 1\n", encoding="utf-8")
    file = written(
        home,
        '[translation]\nstep = 2\n[output]\ndirectory = "~/out"\nformats = ["vtt", "srt", "vtt"]\n'
        "[model]\noffline = true\n",
    )
    settings = load_settings(file, {}, [])
    assert settings.model.threads is None
    assert settings.model.offline is True
    assert settings.translation.step == 2.0
    assert settings.output.directory == home / "out"
    assert settings.output.formats == ("vtt", "srt")


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("S2T2_LIVE_MODEL_OFFLINE", "1", "offline", True),
        ("S2T2_LIVE_MODEL_OFFLINE", "False", "offline", False),
        ("S2T2_LIVE_MODEL_THREADS", "3", "threads", 3),
    ],
)
def test_variables_are_text(home: Path, name: str, value: str, key: str, expected: object) -> None:
    assert getattr(load_settings(None, {name: value}, []).model, key) is expected


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("[model]\nthread = 2", "there is no setting model.thread; did you mean model.threads?"),
        ("[modl]\nthreads = 2", "there is no setting modl; did you mean model?"),
        ("threads = 2", "there is no setting threads; did you mean model.threads?"),
        ("[xyz]", "there is no setting xyz; there are input, model, translation, output, window."),
        ("model = 'x'", 'model must be a table, [model], not "x".'),
        ("[model]\nthreads = 'two'", 'model.threads must be a whole number of at least 1 and at most 256, not "two".'),
        ("[model]\nthreads = true", "model.threads must be a whole number of at least 1 and at most 256, not true."),
        ("[model]\nthreads = 0", "model.threads must be a whole number of at least 1 and at most 256, not 0."),
        ("[model]\nthreads = 257", "model.threads must be a whole number of at least 1 and at most 256, not 257."),
        ("[model]\nthreads = 1.5", "model.threads must be a whole number of at least 1 and at most 256, not 1.5."),
        ("[model]\noffline = 'yes'", 'model.offline must be true or false, not "yes".'),
        ("[model]\nname = ''", 'model.name must be text, not "".'),
        ("[model]\ndevice = 'gpu'", 'model.device must be auto, cpu, cuda or mps, not "gpu".'),
        ("[translation]\nstep = nan", "translation.step must be a number of at least 0.1, not nan."),
        ("[translation]\nstep = inf", "translation.step must be a number of at least 0.1, not inf."),
        (
            "[translation]\ncertainty = 1.5",
            "translation.certainty must be a number of at least 0 and at most 1, not 1.5.",
        ),
        ("[input]\ndevice = 1", "input.device must be text, not 1."),
        (
            "[output]\nformats = ['srt', 'doc']",
            "output.formats must be one or more of txt, srt, vtt, jsonl, not srt,doc.",
        ),
        ("[output]\nformats = []", "output.formats must be one or more of txt, srt, vtt, jsonl, not nothing."),
        ("[output]\ndirectory = 3", "output.directory must be a folder, not 3."),
        ("model = [", "is not valid TOML"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(home: Path, body: str, sentence: str) -> None:
    file = written(home, body)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {}, [])
    assert str(file) in str(caught.value)
    assert sentence in str(caught.value)


def test_a_byte_order_mark_is_no_setting(home: Path) -> None:
    file = written(home, "\ufeff[model]\nthreads = 3\n")
    assert load_settings(file, {}, []).model.threads == 3


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "S2T2_LIVE_MODEL",
            "x",
            "There is no setting for the variable S2T2_LIVE_MODEL; did you mean S2T2_LIVE_MODEL_NAME?",
        ),
        (
            "S2T2_LIVE_TRANSLATION_STEP",
            "soon",
            'S2T2_LIVE_TRANSLATION_STEP must be a number of at least 0.1, not "soon".',
        ),
        (
            "S2T2_LIVE_OUTPUT_FORMATS",
            "srt,",
            "S2T2_LIVE_OUTPUT_FORMATS must be one or more of txt, srt, vtt, jsonl, not srt,.",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_variable(home: Path, name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {name: value}, [])
    assert str(caught.value) == sentence


def test_a_home_that_is_no_folder_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null")
    assert load_settings(None, {}, []) == Settings()


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no configuration file .*none\.toml"):
        load_settings(tmp_path / "none.toml", {}, [])


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Cannot read the configuration file .*: is a directory"):
        load_settings(tmp_path, {}, [])


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        load_settings(file, {}, [])


def test_every_setting_takes_its_own_default() -> None:
    for key, kind in TYPES.items():
        section, name = key.split(".")
        default = getattr(getattr(Settings(), section), name)
        if default not in (None, ()):
            assert kind.fit(default) == default
