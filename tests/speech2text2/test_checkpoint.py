"""Files of weights: all four forms, old names, damage, and pickles that would run code."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from s2t2_live.errors import CheckpointError, OutputError, UnsafeCheckpointError
from s2t2_live.speech2text2.checkpoint import read_tensors, write_tensors

TENSORS = {
    "a.weight": torch.arange(600.0).view(20, 30),
    "b.parametrizations.weight.original0": torch.randn(1, 1, 4),
    "b.parametrizations.weight.original1": torch.randn(8, 2, 4),
    "c.bias": torch.randn(7).half(),
}


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


class Trap:
    """Unpickling this would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", 1000])
def test_round_trip(safe: bool, limit: int | str, tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=safe, max_shard_size=limit)
    assert same(read_tensors(tmp_path))
    assert len(list(tmp_path.glob("*.index.json"))) == (limit == 1000)


@pytest.mark.parametrize("safe", [True, False])
def test_files_have_the_rights_of_other_files(safe: bool, tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=safe)
    (written,) = tmp_path.iterdir()
    (tmp_path / "other").touch()
    assert written.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_older_weights_are_removed(tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=False, max_shard_size=1000)
    (tmp_path / "keep.bin").write_bytes(b"")
    write_tensors(tmp_path, TENSORS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keep.bin", "model.safetensors"]


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize(("limit", "index"), [("5GB", None), (1000, "index.fp16.json")])
def test_variants_lie_side_by_side(safe: bool, limit: int | str, index: str | None, tmp_path: Path) -> None:
    write_tensors(tmp_path, {"other": torch.ones(3)}, safe=safe)
    write_tensors(tmp_path, {"third": torch.ones(3)}, safe=safe, variant="fp16", max_shard_size=5)
    write_tensors(tmp_path, TENSORS, safe=safe, variant="fp16", max_shard_size=limit)
    assert same(read_tensors(tmp_path, "fp16"))
    assert read_tensors(tmp_path).keys() == {"other"}
    stem, suffix = ("model", "safetensors") if safe else ("pytorch_model", "bin")
    expected = {f"{stem}.fp16.{suffix}"}
    if index is not None:
        expected = {f"{stem}.fp16-0000{i}-of-00002.{suffix}" for i in (1, 2)} | {f"{stem}.{suffix}.{index}"}
    assert {path.name for path in tmp_path.iterdir()} == expected | {f"{stem}.{suffix}"}


@pytest.mark.parametrize("zipped", [True, False])
def test_old_names_and_old_files(zipped: bool, tmp_path: Path) -> None:
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in TENSORS.items()
    }
    assert old.keys() != TENSORS.keys()
    torch.save(old, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert same(read_tensors(tmp_path))


@pytest.mark.parametrize("safe", [True, False])
def test_writing_to_loaded_tensors_leaves_the_file(safe: bool, tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=safe)
    read_tensors(tmp_path)["a.weight"].zero_()
    assert same(read_tensors(tmp_path))


@pytest.mark.parametrize("safe", [True, False])
def test_a_file_may_be_replaced_while_it_is_mapped(safe: bool, tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=safe)
    loaded = read_tensors(tmp_path)
    write_tensors(tmp_path, {name: tensor * 0 for name, tensor in loaded.items()}, safe=safe)
    assert same(loaded)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_named(zipped: bool, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    path = tmp_path / "pytorch_model.bin"
    torch.save({**TENSORS, "x": Trap(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeCheckpointError, match=r"pytorch_model\.bin is refused: it asks for posix\.system"):
        read_tensors(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no archive", b"\x80\x02}q\x01(U"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_damage_is_named(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        read_tensors(tmp_path)


@pytest.mark.parametrize("safe", [True, False])
def test_truncation_is_named(safe: bool, tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, safe=safe)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(tmp_path)


def test_safetensors_need_not_say_who_wrote_them(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert same(read_tensors(tmp_path))


def test_more_than_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1), "epoch": 3}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="epoch"):
        read_tensors(tmp_path)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights"):
        read_tensors(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, max_shard_size=1000)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00002"):
        read_tensors(tmp_path)


def test_an_index_must_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_tensors(tmp_path, TENSORS)
    index = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="outside"):
        read_tensors(folder)


def test_an_impossible_shard_size(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="shard size"):
        write_tensors(tmp_path, TENSORS, max_shard_size="many")


@pytest.mark.parametrize("safe", [True, False])
def test_a_full_disk_is_said_and_leaves_the_weights_that_were_there(safe: bool, tmp_path: Path) -> None:
    write_tensors(tmp_path, {"a": torch.ones(3)}, safe=safe)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written to"):
            write_tensors(tmp_path, {"a": torch.ones(100_000)}, safe=safe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
