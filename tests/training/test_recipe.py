"""The steps of the recipe as a user starts them, on a phrase book of melodies."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from s2t2_live.training.__main__ import main
from s2t2_live.training.bpe import save_vocabulary
from s2t2_live.training.shards import write_shard
from s2t2_live.training.voices import RESERVED_VOICES

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

    history = work / "run" / "history.jsonl"
    first = json.loads(history.read_text().splitlines()[-1])
    assert main(["train", *options, *training, "--minutes", str(first["minutes"] + 0.001)]) == 0
    assert json.loads(history.read_text().splitlines()[-1])["updates"] > first["updates"]


def test_a_work_folder_without_speech_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--work", str(tmp_path), "--minutes", "1"]) == 1
    assert "holds no speech; run" in capsys.readouterr().err
