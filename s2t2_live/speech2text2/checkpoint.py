"""Reading and writing the tensors of a model folder. Knows nothing of models.

Reads `model.safetensors` and `pytorch_model.bin`, whole or sharded, without copying: the tensors are views of the
memory-mapped file, privately, so that writing to them leaves the file alone. Pickles are read with torch's
weights-only unpickler, which makes tensors and nothing else. Files are replaced in one step, so a model that still
maps the old file keeps it.
"""

from __future__ import annotations

import io
import json
import os
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from s2t2_live.errors import CheckpointError, OutputError, UnsafeCheckpointError
from s2t2_live.speech2text2.hub import with_variant
from s2t2_live.speech2text2.json_files import read_object

SAFETENSORS_FILE = "model.safetensors"
PICKLE_FILE = "pytorch_model.bin"

OLD_WEIGHT_NORM = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""The names that weight norm gave to its factors before torch 2.1, and the new ones."""
Save = Callable[[dict[str, Tensor], str], object]
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def read_tensors(folder: Path, variant: str | None = None, *, safe: bool = False) -> dict[str, Tensor]:
    """All tensors of a model folder, or of a variant in it, by name; old weight-norm names are given as the new ones.

    `safe` reads safetensors alone.

    Raises:
        CheckpointError: there are no weights, a shard is missing, or a file is damaged.
        UnsafeCheckpointError: a pickle asks for more than tensors.
    """
    formats = {SAFETENSORS_FILE: read_safetensors} | ({} if safe else {PICKLE_FILE: read_pickle})
    for name, read in formats.items():
        whole = folder / with_variant(name, variant)
        index = folder / with_variant(f"{name}.index.json", variant)
        if whole.is_file():
            return new_names(read(whole))
        if index.is_file():
            return new_names(_read_shards(index, read))
    names = " nor ".join(with_variant(name, variant) for name in formats)
    raise CheckpointError(f"The model folder {folder} has no weights: no {names}, whole or sharded.")


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Raises CheckpointError if the file is not a whole safetensors file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; fetch it again.") from error


def read_pickle(path: Path) -> dict[str, Tensor]:
    """Raises UnsafeCheckpointError, with the name of what the pickle asks for, or CheckpointError if damaged."""
    try:
        # Files of torch before 1.6 are no zip archives and cannot be mapped.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # bytes that make no sense lead the unpickler to any exception at all
        forbidden = sorted(_globals(path))
        if forbidden:
            raise UnsafeCheckpointError(
                f"{path} is refused: it asks for {', '.join(forbidden)}, which could run code of its author; "
                "get the weights as safetensors."
            ) from None
        raise CheckpointError(f"{path} is damaged or no checkpoint; fetch it again.") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds a {type(state).__name__}, not named tensors.")
    others = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise CheckpointError(f"{path} holds more than tensors: {', '.join(others)}.")
    return state


def write_tensors(
    folder: Path,
    tensors: dict[str, Tensor],
    *,
    safe: bool = True,
    max_shard_size: int | str = "5GB",
    variant: str | None = None,
    save: Save | None = None,
) -> None:
    """Writes safetensors, or else a pickle, in shards of at most `max_shard_size` bytes; removes older weights.

    Files of other variants stay. Pickles are written by `save` where it is given, to their final places.

    Raises:
        OutputError: a file cannot be written.
    """
    name = SAFETENSORS_FILE if safe else PICKLE_FILE
    shards = _shards(tensors, _bytes(max_shard_size))
    whole, index_name = with_variant(name, variant), with_variant(f"{name}.index.json", variant)
    stem, suffix = os.path.splitext(whole)
    names = [f"{stem}-{i:05d}-of-{len(shards):05d}{suffix}" for i in range(1, len(shards) + 1)]
    names = [whole] if len(shards) == 1 else names
    try:
        for shard_name, shard in zip(names, shards, strict=True):
            if save is not None and not safe:
                save(shard, str(folder / shard_name))
            else:
                _replace(folder / shard_name, partial(_write, shard, safe))
        if len(shards) > 1:
            index = {
                "metadata": {"total_size": sum(_size(tensor) for tensor in tensors.values())},
                "weight_map": {key: file for file, shard in zip(names, shards, strict=True) for key in sorted(shard)},
            }
            text = json.dumps(index, indent=2, sort_keys=True) + "\n"
            _replace(folder / index_name, lambda path: path.write_text(text, encoding="utf-8"))
            names.append(index_name)
        for path in _weight_files(folder, variant):
            if path.name not in names:
                path.unlink()
    except OSError as error:
        raise OutputError(f"The weights cannot be written to {folder}: {error.strerror or error}.") from error


def _globals(path: Path) -> set[str]:
    """What a pickle asks for besides torch's own classes, found without running it."""
    found: set[str] = set()
    strings: list[str] = []
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                data = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
        else:
            data = path.read_bytes()
        stream = io.BytesIO(data)
        while stream.tell() < len(data):  # old files hold several pickles, one after the other
            for operation, argument, _ in pickletools.genops(stream):
                if operation.name == "GLOBAL":
                    found.add(str(argument).replace(" ", "."))
                elif operation.name == "STACK_GLOBAL":
                    found.add(".".join(strings[-2:]))
                elif isinstance(argument, str):
                    strings.append(argument)
    except (ValueError, OSError, StopIteration, zipfile.BadZipFile):
        pass  # the rest is no pickle; what was found before it counts
    return {name for name in found if not name.startswith(("torch.", "collections.OrderedDict"))}


def _weight_files(folder: Path, variant: str | None) -> Iterable[Path]:
    for name in (SAFETENSORS_FILE, PICKLE_FILE):
        stem, suffix = map(re.escape, os.path.splitext(with_variant(name, variant)))
        index = re.escape(with_variant(f"{name}.index.json", variant))
        pattern = re.compile(rf"{stem}(-\d{{5}}-of-\d{{5}})?{suffix}|{index}")
        yield from [path for path in folder.iterdir() if pattern.fullmatch(path.name)]


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.touch()
        mode = partial.stat().st_mode
        write(partial)
        # safetensors makes files that nobody else can read, whatever the user's mask says.
        partial.chmod(mode)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _write(shard: dict[str, Tensor], safe: bool, path: Path) -> None:
    try:
        if safe:
            save_file(shard, path, metadata={"format": "pt"})
        else:
            torch.save(shard, path)
    except (SafetensorError, RuntimeError) as error:
        # Neither library has a type of its own for what the disk refuses.
        raise OSError(str(error)) from error


def _shards(tensors: dict[str, Tensor], limit: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + _size(tensor) > limit:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += _size(tensor)
    return shards


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _bytes(size: int | str) -> int:
    if isinstance(size, int):
        return size
    match = re.fullmatch(r"(\d+)\s*([KMG]?I?B)", size.strip().upper())
    if match is None:
        raise OutputError(f'A shard size is a number of bytes or a text such as "500MB", not {size!r}.')
    return int(match.group(1)) * _UNITS[match.group(2)]


def _read_shards(index: Path, read: Callable[[Path], dict[str, Tensor]]) -> dict[str, Tensor]:
    places = read_object(index).get("weight_map")
    if not isinstance(places, dict):
        raise CheckpointError(f"{index} has no weight_map.")
    files = sorted(set(places.values()))
    # An index is data from elsewhere: it must not lead out of the folder.
    outside = [file for file in files if Path(file).name != file]
    if outside:
        raise CheckpointError(f"{index} names files outside of its folder: {', '.join(outside)}.")
    missing = [file for file in files if not (index.parent / file).is_file()]
    if missing:
        raise CheckpointError(f"The model folder {index.parent} lacks {', '.join(missing)}, which {index.name} names.")
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors.update(read(index.parent / file))
    return tensors


def new_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the new names of weight norm's factors for the old ones."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        head, _, last = name.rpartition(".")
        renamed[f"{head}.{OLD_WEIGHT_NORM[last]}" if last in OLD_WEIGHT_NORM else name] = tensor
    return renamed
