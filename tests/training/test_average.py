"""The mean of two checkpoints."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from s2t2_live.assets import asset
from s2t2_live.errors import ModelError
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.__main__ import main
from s2t2_live.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The shipped checkpoint, and one whose weights are three times as large."""
    first = asset("demo-en-de")
    second = tmp_path_factory.mktemp("second")
    shutil.copytree(first, second, dirs_exist_ok=True)
    weights = {name: tensor * 3 for name, tensor in load_file(first / "model.safetensors").items()}
    save_file(weights, second / "model.safetensors", metadata={"format": "pt"})
    return first, second


def test_a_share_of_the_second(pair: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = pair
    assert main(["average", str(first), str(second), str(tmp_path / "mean"), "--share", "0.25"]) == 0
    old, mean = (load_file(folder / "model.safetensors") for folder in (first, tmp_path / "mean"))
    assert old.keys() == mean.keys()
    for name, tensor in mean.items():
        assert tensor.dtype == torch.float16
        torch.testing.assert_close(tensor.float(), old[name].float() * 1.5, rtol=2e-3, atol=1e-6)
    assert not (tmp_path / "mean" / "confidence.json").exists()
    assert not (tmp_path / "mean" / "README.md").exists(), "its figures are those of other weights"
    assert (tmp_path / "mean" / "spectrum.json").read_text() == (second / "spectrum.json").read_text()
    text = "Wir bleiben bis Mittwoch."
    tokens = [Speech2Text2Tokenizer.from_pretrained(folder)(text).input_ids for folder in (first, tmp_path / "mean")]
    assert tokens[0] == tokens[1]


def test_what_lies_there_of_other_weights_is_removed(pair: tuple[Path, Path], tmp_path: Path) -> None:
    plain = shutil.copytree(pair[1], tmp_path / "plain")
    (plain / "spectrum.json").unlink()
    folder = shutil.copytree(pair[0], tmp_path / "mean")
    assert {path.name for path in folder.iterdir()} > {"confidence.json", "spectrum.json"}
    assert main(["average", str(pair[0]), str(plain), str(folder)]) == 0
    assert not {path.name for path in folder.iterdir()} & {"confidence.json", "spectrum.json"}


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code, and the one line that is said."""
    code = main(["average", *map(str, arguments)])
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("s2t2_live.training: ")]
    return code, line


def test_a_share_beyond_the_two(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, *pair, tmp_path / "mean", "--share", "1.5")
    assert code == 2
    assert "1.5 is not between 0 and 1" in line


def test_other_pieces_of_text(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = pair[0], shutil.copytree(pair[1], tmp_path / "other")
    pieces = json.loads((second / "vocab.json").read_text("utf-8"))
    (one, first_id), (two, second_id) = list(pieces.items())[-2:]
    (second / "vocab.json").write_text(json.dumps(pieces | {one: second_id, two: first_id}), encoding="utf-8")
    code, line = refused(capsys, first, second, tmp_path / "mean")
    assert code == ModelError.exit_code
    assert "their vocabularies differ" in line
    assert not (tmp_path / "mean").exists()


def test_other_tensors(pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = pair[0], tmp_path / "smaller"
    checkpoint = load_checkpoint(str(first))
    checkpoint.model.decoder.model.decoder.layers = checkpoint.model.decoder.model.decoder.layers[:1]
    checkpoint.model.config.decoder.decoder_layers = checkpoint.model.decoder.config.decoder_layers = 1
    checkpoint.save(second)
    code, line = refused(capsys, first, second, tmp_path / "mean")
    assert code == ModelError.exit_code
    assert "their tensors differ" in line


def test_a_place_that_cannot_be_written(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, line = refused(capsys, *pair, tmp_path / "file")
    assert code == 1
    assert str(tmp_path / "file") in line
