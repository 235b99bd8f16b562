"""Fine-tuning as a user starts it: a small checkpoint on melodies, and one step of the shipped one."""

import json
import resource
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from s2t2_live.live.equalizer import BANDS, Equalizer
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training import average as module
from s2t2_live.training import finetune
from s2t2_live.training.__main__ import main
from s2t2_live.training.bpe import save_vocabulary
from s2t2_live.training.checkpoint import load_checkpoint
from s2t2_live.training.demo_model import demo_config, new_demo_model
from s2t2_live.training.ears import Ears
from s2t2_live.training.export import export
from s2t2_live.training.loop import Trainer

MELODIES = {"Ja.": (300, 300), "Nein.": (1200, 1200), "Guten Morgen.": (300, 2500)}


def write_melodies(folder: Path, *, english: bool) -> None:
    """Twelve files and a table of them."""
    time = np.arange(6_000) / 16_000
    lines = ["path\tsentence\ttranslation"]
    for number in range(12):
        german, tones = list(MELODIES.items())[number % 3]
        wave = np.concatenate([np.sin(2 * np.pi * hertz * (1 + 0.01 * number) * time) for hertz in tones])
        soundfile.write(folder / f"{number}.wav", 0.4 * wave, 16_000)
        lines.append(f"{number}.wav\t{'yes no' if english else ''}\t{german}")
    (folder / "all.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    size = save_vocabulary(folder, list(MELODIES), merges=20)
    model = new_demo_model(size, torch.randn(16_000), encoder_layers=1)
    export(model, folder, folder / "made", Equalizer(np.linspace(-5, 5, BANDS)))
    return folder / "made"


def history(output: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (output / "run" / "history.jsonl").read_text().splitlines()]


def tune(model: Path, data: Path, output: Path, *options: str) -> Sequence[str]:
    return ["finetune", str(model), str(data), "--output", str(output), "--threads", "1", *options]


def test_a_checkpoint_learns_from_a_table_and_goes_on(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_melodies(tmp_path, english=True)
    output = tmp_path / "tuned"
    options = ["--dev", str(tmp_path / "all.tsv"), "--evaluate-every", "0.02", "--patience", "0", "--batch", "6"]
    arguments = tune(small_checkpoint, tmp_path / "all.tsv", output, "--rate", "1e-3", *options)
    assert main([*arguments, "--minutes", "0.03"]) == 0
    assert "12 utterances" in (said := capsys.readouterr().err)
    assert "no CTC" not in said
    first = history(output)
    assert main([*arguments, "--minutes", str(first[-1]["minutes"] + 0.001)]) == 0
    lines = history(output)
    assert lines[: len(first)] == first
    assert lines[-1]["updates"] > first[-1]["updates"] > 0
    assert max(line["bleu"] for line in lines) == lines[-1]["best"]
    assert (output / "run" / "history.png").exists()

    tuned = load_checkpoint(str(output))
    before = load_checkpoint(str(small_checkpoint))
    assert tuned.dtype == before.dtype == torch.float16
    assert tuned.ears.equalizer is not None
    assert tuned.ears.equalizer.reference == pytest.approx(np.linspace(-5, 5, BANDS), abs=0.006)
    old, new = before.model.state_dict(), tuned.model.state_dict()
    frozen = [name for name in old if name.startswith("encoder.feature_extractor")]
    assert frozen
    assert all(torch.equal(old[name], new[name]) for name in frozen)
    assert any(not torch.equal(old[name], new[name]) for name in old)

    capsys.readouterr()
    assert main([*arguments, "--minutes", "0.001"]) == 0
    assert "nothing to do: the training has had its 0.001 minutes" in capsys.readouterr().err
    assert main(["evaluate", "--model", str(output), "--data", str(tmp_path / "all.tsv"), "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert "| all | 12 |" in out
    assert "BLEU nrefs:1|" in out
    assert "chrF nrefs:1|" in out
    assert json.loads(out.splitlines()[-1])["1"]["all"]["bleu"] == pytest.approx(lines[-1]["best"], abs=5)


def test_a_checkpoint_as_the_authors_published_theirs(small_checkpoint: Path, tmp_path: Path) -> None:
    """The token that begins a sentence stands in the options of generation, not in the configuration of the whole."""
    published = shutil.copytree(small_checkpoint, tmp_path / "published")
    fields = json.loads((published / "config.json").read_text())
    assert fields.pop("decoder_start_token_id") == 2
    (published / "config.json").write_text(json.dumps(fields))
    write_melodies(tmp_path, english=True)
    assert main(tune(published, tmp_path / "all.tsv", tmp_path / "tuned", "--minutes", "0.001", "--batch", "6")) == 0
    assert load_checkpoint(str(tmp_path / "tuned")).model.config.decoder_start_token_id == 2


def test_it_stops_early_and_keeps_the_best(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_melodies(tmp_path, english=False)
    output = tmp_path / "tuned"
    # A rate of zero: nothing ever gets better than at the start.
    arguments = tune(small_checkpoint, tmp_path / "all.tsv", output, "--rate", "0", "--evaluate-every", "0")
    assert main([*arguments, "--patience", "3"]) == 0
    assert "no CTC" in capsys.readouterr().err
    assert [line["stale"] for line in history(output)] == [0, 1, 2, 3]
    assert main([*arguments, "--patience", "3"]) == 0
    assert "nothing to do: the last 3 evaluations" in capsys.readouterr().err
    assert len(history(output)) == 4
    old = SpeechEncoderDecoderModel.from_pretrained(small_checkpoint).state_dict()
    new = SpeechEncoderDecoderModel.from_pretrained(output).state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_an_encoder_with_an_adapter_learns_from_english_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = demo_config(save_vocabulary(tmp_path, list(MELODIES), merges=20), encoder_layers=1, decoder_layers=1)
    config.encoder.add_adapter, config.encoder.num_adapter_layers = True, 1
    export(SpeechEncoderDecoderModel(config), tmp_path, tmp_path / "adapted")
    write_melodies(tmp_path, english=True)
    assert main(tune(tmp_path / "adapted", tmp_path / "all.tsv", tmp_path / "tuned", "--minutes", "0")) == 0
    assert "no CTC" not in capsys.readouterr().err
    assert history(tmp_path / "tuned")[0]["validation_ctc"] > 0


def test_without_matplotlib_there_is_a_sentence_in_place_of_the_plot(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    write_melodies(tmp_path, english=False)
    assert main(tune(small_checkpoint, tmp_path / "all.tsv", tmp_path / "tuned", "--minutes", "0")) == 0
    assert "history.png is not drawn, which needs matplotlib" in capsys.readouterr().err.splitlines()[-1]


def test_it_hears_as_the_engine_does_with_this_checkpoint(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Ears] = []

    def trainer(*arguments: Any, ears: Ears, **named: Any) -> Trainer:
        given.append(ears)
        return Trainer(*arguments, ears=ears, **named)

    monkeypatch.setattr(finetune, "Trainer", trainer)
    write_melodies(tmp_path, english=True)
    assert main(tune(small_checkpoint, tmp_path / "all.tsv", tmp_path / "tuned", "--minutes", "0")) == 0
    assert given[0].equalizer is not None
    assert given[0].equalizer.reference == pytest.approx(np.linspace(-5, 5, BANDS), abs=0.006)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file grows beyond 200 kB; to its writer it is as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_one_sentence(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_melodies(tmp_path, english=True)
    assert main(["average", str(small_checkpoint), str(small_checkpoint), str(tmp_path / "mean")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "The weights cannot be written to " in line
    assert main(tune(small_checkpoint, tmp_path / "all.tsv", tmp_path / "tuned", "--minutes", "0")) == 1
    assert "The training's state cannot be written; the disk is full" in capsys.readouterr().err.splitlines()[-1]


def test_memory_that_is_used_up_is_one_sentence(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["average", str(small_checkpoint), str(small_checkpoint), str(tmp_path / "mean")]
    monkeypatch.setattr(module, "average", lambda *_: torch.empty(10**15))
    assert main(arguments) == 1
    assert capsys.readouterr().err == "s2t2_live.training: There is not enough memory; end other programs.\n"
    monkeypatch.setattr(module, "average", lambda *_: torch.empty(2) @ torch.empty(3))
    with pytest.raises(RuntimeError, match="size"):
        main(arguments)


@pytest.mark.slow
def test_the_shipped_checkpoint_takes_a_step(demo_model: Path, tmp_path: Path) -> None:
    write_melodies(tmp_path, english=True)
    arguments = tune(demo_model, tmp_path / "all.tsv", tmp_path / "tuned", "--batch", "3", "--patience", "0")
    assert main([*arguments, "--minutes", "0.0001"]) == 0
    assert (tmp_path / "tuned" / "run" / "state.pt").exists()
    tuned = load_checkpoint(str(tmp_path / "tuned"))
    assert tuned.text.decode(tuned.text.encode("Guten Morgen, wo ist es?")) == "Guten Morgen, wo ist es?"


def test_bad_rows_and_nothing_to_learn_from(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_melodies(tmp_path, english=True)
    table = tmp_path / "all.tsv"
    table.write_text("path\ttranslation\ngone.wav\tJa.\n", encoding="utf-8")
    assert main(tune(small_checkpoint, table, tmp_path / "tuned")) == 1
    assert f"{table}:2: there is no file" in capsys.readouterr().err
    table.write_text("path\ttranslation\n0.wav\tJa.\n", encoding="utf-8")
    assert main(tune(small_checkpoint, table, tmp_path / "tuned")) == 1
    assert "one usable row" in capsys.readouterr().err
    assert main(tune(tmp_path / "gone", table, tmp_path / "tuned", "--dev", str(table))) == 4
    assert "gone" in capsys.readouterr().err
    assert main(["evaluate", "--data", str(table)]) == 2


def test_characters_that_the_model_cannot_write_are_named(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_melodies(tmp_path, english=True)
    table = tmp_path / "all.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace("Nein.", "Нет."), encoding="utf-8")
    assert (
        main(tune(small_checkpoint, table, tmp_path / "tuned", "--rate", "0", "--patience", "1", "--minutes", "0")) == 0
    )
    assert "4 of 11 translations" in capsys.readouterr().err.replace("3 of 11", "4 of 11")
