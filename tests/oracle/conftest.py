"""The other side of the comparison: transformers 4.37.2 in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from s2t2_live.assets import asset

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(__file__).with_name("reference.py")


class Oracle:
    """Runs cases of `reference.py`, many in one process, for importing transformers is slow."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self._runs = 0

    def run(self, cases: list[dict[str, Any]]) -> list[dict[str, Tensor]]:
        """Runs the cases; `inputs` may be given as tensors. Returns the tensors that each case gave."""
        self._runs += 1
        folder = self.folder / str(self._runs)
        folder.mkdir()
        written = []
        for i, case in enumerate(cases):
            case = {**case, "out": str(folder / f"{i}.out.safetensors")}
            if "inputs" in case:
                path = folder / f"{i}.in.safetensors"
                save_file({name: tensor.clone() for name, tensor in case["inputs"].items()}, path)
                case["inputs"] = str(path)
            written.append(case)
        (folder / "cases.json").write_text(json.dumps(written))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(
            [self.python, REFERENCE, folder / "cases.json"],
            capture_output=True,
            text=True,
            env={**environment, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return [load_file(case["out"]) for case in written]


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    python = Path(os.environ.get("S2T2_ORACLE_PYTHON", ROOT / ".venv-oracle/bin/python"))
    if not python.exists():
        pytest.skip(f"there is no Python with transformers 4.37.2 at {python} (S2T2_ORACLE_PYTHON)")
    return Oracle(python, tmp_path_factory.mktemp("oracle"))


@pytest.fixture(scope="session")
def speech() -> list[Tensor]:
    """Recordings, normalised, float32 at 16 kHz: real ones from beside the checkout, or else the shipped ones."""
    real = ROOT.parent / "shared" / "audio"
    recordings = []
    for path in sorted(real.glob("r*.wav")) or sorted(asset("recordings").glob("*.flac")):
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000
        audio = torch.from_numpy(samples)
        recordings.append((audio - audio.mean()) / torch.sqrt(audio.var(unbiased=False) + 1e-7))
    return recordings


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
