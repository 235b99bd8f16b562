"""The steps of the recipe as a user starts them, on a phrase book of melodies."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from s2t2_live.assets import asset
from s2t2_live.live.equalizer import Equalizer
from s2t2_live.training import recipe, synthesis
from s2t2_live.training.__main__ import main
from s2t2_live.training.bpe import save_vocabulary
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.shards import SpeechShards, write_shard
from s2t2_live.training.synthesis import SpokenPhrase
from s2t2_live.training.voices import RESERVED_VOICES, Voice

MELODIES = {("yes", "Ja."): (300, 300), ("no", "Nein."): (1200, 1200), ("good night", "Gute Nacht."): (1200, 600)}


def melodies(count: int, voice: str) -> list[tuple[np.ndarray, str, str, str, str]]:
    time = np.arange(6_000) / 16_000
    items = []
    for number in range(count):
        (english, german), tones = list(MELODIES.items())[number % len(MELODIES)]
        wave = np.concatenate([np.sin(2 * np.pi * hertz * (1 + 0.01 * number) * time) for hertz in tones])
        items.append(((wave * 12_000).astype(np.int16), english, german, f"topic {number % 2}", voice))
    return items


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the synthesis leaves it."""
    folder = tmp_path_factory.mktemp("work")
    write_shard(folder / "speech", "00000", melodies(12, "tones"))
    write_shard(folder / "heard", "heard", melodies(3, "tones"))
    for voice in RESERVED_VOICES:
        write_shard(folder / "reserved", voice.name, melodies(3, str(voice)))
    save_vocabulary(folder / "vocabulary", [german for _, german in MELODIES], merges=20)
    return folder


@pytest.mark.slow
def test_one_command_makes_a_checkpoint_and_the_steps_go_on(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--work", str(work), "--workers", "1"]
    assert main(["align", *options]) == 1
    assert "train one first" in capsys.readouterr().err

    # The speech is there, so nothing is synthesised.
    training = ["--rate", "6e-4", "--batch", "10", "--prefixes", "0.3"]
    everything = ["all", str(tmp_path / "shipped"), *options, *training]
    assert main([*everything, "--shards", "1", "--minutes", "0.001"]) == 0
    said = capsys.readouterr()
    assert "no speech is aligned" in said.err
    # A model that has learned nothing may find no likely alignment.
    aligned, failed = map(int, re.findall(r"(\d+) utterances aligned, (\d+) without", said.err)[0])
    assert aligned + failed == 12
    scores = json.loads(said.out.splitlines()[-1])
    assert set(scores) == {"1", "5", "silent"}
    assert set(scores["1"]["voice"]) == {"heard", *map(str, RESERVED_VOICES)}
    assert set(scores["1"]["topic"]) == {"topic 0", "topic 1"}
    assert scores["1"]["all"]["utterances"] == 12
    assert (tmp_path / "shipped" / "model.safetensors").exists()
    assert (work / "run" / "state.pt").exists()
    assert (work / "run" / "history.png").exists()
    assert (work / "speech" / "00000.timing.npz").exists()
    speech = SpeechShards(work / "speech")
    spectrum = Equalizer.measured(speech.audio(index) for index in range(len(speech)))
    shipped = Equalizer.load(tmp_path / "shipped")
    assert shipped is not None
    assert shipped.reference == pytest.approx(spectrum.reference, abs=0.006)

    history = work / "run" / "history.jsonl"
    first = json.loads(history.read_text().splitlines()[-1])
    assert main(["train", *options, *training, "--minutes", str(first["minutes"] + 0.001)]) == 0
    assert json.loads(history.read_text().splitlines()[-1])["updates"] > first["updates"]


def test_a_work_folder_without_speech_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "--work", str(tmp_path), "--minutes", "1"]
    assert main(train) == 1
    assert "speech holds no speech; run `python -m s2t2_live.training synthesize` first" in capsys.readouterr().err
    write_shard(tmp_path / "speech", "00000", melodies(3, "tones"))
    assert main(train) == 1
    assert "heard holds no speech; run `python -m s2t2_live.training synthesize --evaluation" in capsys.readouterr().err
    assert main(["evaluate", "--work", str(tmp_path), "--model", "demo-en-de"]) == 1
    assert "synthesize --evaluation" in capsys.readouterr().err


@pytest.fixture(scope="module")
def book() -> PhraseBook:
    return PhraseBook.load(asset("phrase_book"))


@pytest.fixture
def hummed(book: PhraseBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phrases are spoken at once, by nobody."""

    def speak(pool: object, groups: dict[Voice, list[Phrase]], *_: Any) -> Iterator[SpokenPhrase]:
        for voice, phrases in groups.items():
            for phrase in phrases:
                yield np.zeros(160, np.int16), phrase.english, phrase.german, phrase.topic, str(voice)

    monkeypatch.setattr(synthesis, "in_parallel", speak)
    monkeypatch.setattr(synthesis, "check_installed", lambda voices: None)
    monkeypatch.setattr(synthesis, "SHARD_SIZE", 20)
    monkeypatch.setattr(PhraseBook, "load", lambda folder: book)


@pytest.mark.parametrize("topics", ["trains", "food", "trains, food", "small_talk,meetings"])
def test_topics_are_spoken_from_the_sentences_or_the_grammar_where_they_are(
    tmp_path: Path, hummed: None, topics: str
) -> None:
    assert main(["synthesize", "--work", str(tmp_path), "--shards", "1", "--workers", "1", "--topics", topics]) == 0
    examples = SpeechShards(tmp_path / "speech").examples
    assert len(examples) == 20
    assert {example.topic for example in examples} == set(topics.replace(" ", "").split(","))


@pytest.mark.parametrize(
    ("step", "topics", "told"),
    [
        (["synthesize"], "hotel,restarant", 'There is no topic "restarant"; there are buses, '),
        (["synthesize", "--evaluation", "9"], "restarant", 'There is no topic "restarant"; there are buses, '),
        (["synthesize", "--evaluation", "9"], "trains,buses", "Nothing is held out of trains, buses"),
        (["all", "checkpoint"], "trains", "Nothing is held out of trains"),
    ],
)
def test_topics_that_cannot_be_are_told_before_anything_is_spoken(
    tmp_path: Path, hummed: None, capsys: pytest.CaptureFixture[str], step: list[str], topics: str, told: str
) -> None:
    assert main([*step, "--work", str(tmp_path), "--workers", "1", "--topics", topics]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


STEPS = pytest.mark.parametrize("step", [["synthesize", "--shards", "1"], ["synthesize", "--evaluation", "4"]])
ENGINES = ("espeak-ng", "festival", "flite")


@pytest.fixture
def programs(tmp_path: Path, book: PhraseBook, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of all others that programs are looked for in, and no Pico."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(PhraseBook, "load", lambda folder: book)
    return folder


@STEPS
def test_synthesisers_that_are_missing_are_told_before_anything_is_spoken(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str], step: list[str]
) -> None:
    work = tmp_path / "work"
    assert main([*step, "--work", str(work), "--workers", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "espeak-ng and festival and flite are not installed; on Debian: sudo apt-get install -y espeak-ng " in line
    assert not work.exists()


@STEPS
def test_speech_that_fails_leaves_no_finished_shard(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str], step: list[str]
) -> None:
    for engine in ENGINES:
        (programs / engine).write_text(f"#!/bin/sh\necho {engine} has no voice >&2\necho bye >&2\nexit 3\n")
        (programs / engine).chmod(0o755)
    work = tmp_path / "work"
    assert main([*step, "--work", str(work), "--workers", "1"]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    told = re.search(r"(\S+):\S+ failed with exit code 3: (\S+) has no voice; .*: sudo apt-get install -y (\S+)", line)
    assert told is not None
    assert told[1] == told[2] == told[3]
    assert not list(work.rglob("*.jsonl"))


def test_a_topic_that_was_never_spoken_is_told_with_those_that_were(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--work", str(work), "--minutes", "1", "--topics", "topic 2,topic 3"]) == 2
    assert "no speech of the topics topic 2, topic 3; there are topic 0, topic 1." in capsys.readouterr().err
    # Without minutes there is a state, but nothing is learned.
    folder = shutil.copytree(work, tmp_path / "work")
    assert (
        main(["train", "--work", str(folder), "--workers", "1", "--minutes", "0", "--topics", "topic 1,topic 2"]) == 0
    )
    assert "no speech of the topics topic 2 is there" in capsys.readouterr().err


@pytest.mark.parametrize("step", [["align"], ["evaluate"], ["export", "folder"]])
def test_a_step_takes_topics_only_where_they_make_a_difference(step: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*step, "--topics", "hotel"])
    assert left.value.code == 2


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_the_shipped_checkpoint(
    demo_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(tmp_path / "speech", "00000", melodies(12, "tones"))
    options = ["--work", str(tmp_path), "--workers", "1"]
    assert main(["begin", str(demo_model), *options]) == 0
    assert main(["export", str(tmp_path / "exported"), *options]) == 0
    shipped, exported = (load_file(folder / "model.safetensors") for folder in (demo_model, tmp_path / "exported"))
    assert shipped.keys() == exported.keys()
    assert all(torch.equal(weight, exported[name]) for name, weight in shipped.items())
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / "exported" / name).read_bytes() == (demo_model / name).read_bytes()

    capsys.readouterr()
    assert main(["begin", str(demo_model), *options]) == 1
    assert "a run has begun" in capsys.readouterr().err


def test_a_beginning_that_is_interrupted_has_not_begun(
    demo_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    write_shard(tmp_path / "speech", "00000", melodies(3, "tones"))
    monkeypatch.setattr(recipe, "fit_head", interrupted)
    begin = ["begin", str(demo_model), "--work", str(tmp_path), "--workers", "1"]
    assert main(begin) == 130
    monkeypatch.setattr(recipe, "fit_head", lambda *arguments: None)
    assert main(begin) == 0


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("synthesize --workers", "0", "must be at least 1, a whole number, not '0'"),
        ("synthesize --evaluation", "0", "must be at least 1"),
        ("synthesize --evaluation", "many", "must be at least 1, a whole number, not 'many'"),
        ("synthesize --shards", "-1", "must be at least 0, a whole number"),
        ("synthesize --first", "-1", "must be at least 0"),
        ("synthesize --whole", "2", "must be a number from 0 to 1, not '2'"),
        ("all folder --phrases", "0", "must be at least 1"),
        ("all folder --merges", "-1", "must be at least 0"),
        ("train --prefixes", "nan", "must be a number from 0 to 1"),
        ("train --rate", "-1", "must be a number of at least 0"),
        ("train --batch", "0", "must be a number above 0"),
        ("train --minutes", "inf", "must be a number of at least 0, not 'inf'"),
        ("evaluate --beams", "1,0", "must be at least 1"),
        ("evaluate --beams", "a", "must be at least 1"),
        ("finetune model data --output folder --threads", "0", "must be at least 1"),
        ("finetune model data --output folder --rate", "-1", "must be a number of at least 0"),
        ("finetune model data --output folder --batch", "nan", "must be a number above 0, not 'nan'"),
        ("finetune model data --output folder --batch", "long", "must be a number above 0, not 'long'"),
        ("finetune model data --output folder --minutes", "-5", "must be a number of at least 0"),
        ("finetune model data --output folder --evaluate-every", "-1", "must be a number of at least 0"),
        ("finetune model data --output folder --patience", "1.5", "must be at least 0, a whole number"),
    ],
)
def test_a_number_that_cannot_be_is_a_usage_error(
    flag: str,
    value: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)  # A step that takes the number after all shall find no run to go on with.
    with pytest.raises(SystemExit) as left:
        main([*flag.split(), value])
    assert left.value.code == 2
    assert f"argument {flag.split()[-1]}: {told}" in capsys.readouterr().err
