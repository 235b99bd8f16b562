"""The mean of two checkpoints."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from s2t2_live.assets import asset
from s2t2_live.training.__main__ import main


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
    assert {path.name for path in second.iterdir()} - {path.name for path in (tmp_path / "mean").iterdir()} == {
        "confidence.json"
    }
    assert (tmp_path / "mean" / "merges.txt").read_bytes() == (first / "merges.txt").read_bytes()


@pytest.mark.parametrize(
    ("share", "merged", "cause"), [("1.5", "", "between 0 and 1"), ("0.5", "vocabulary", "vocabularies differ")]
)
def test_what_cannot_be_averaged(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str, merged: str, cause: str
) -> None:
    first, second = pair
    if merged:
        second = shutil.copytree(second, tmp_path / "other")
        pieces = json.loads((second / "vocab.json").read_text("utf-8"))
        (one, first_id), (two, second_id) = list(pieces.items())[-2:]
        (second / "vocab.json").write_text(json.dumps(pieces | {one: second_id, two: first_id}), encoding="utf-8")
    assert main(["average", str(first), str(second), str(tmp_path / "mean"), "--share", share]) != 0
    assert cause in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()
