"""The same calls, made of transformers 4.37.2 and of this project in its place, give the same."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import s2t2_live
from tests.oracle import calls_reference
from tests.oracle.test_checkpoint_oracle import ours

pytestmark = pytest.mark.oracle


def test_the_same_calls_give_the_same(oracle: Any, tmp_path: Path) -> None:
    model = ours(1)
    torch.manual_seed(6)
    with torch.no_grad():
        for parameter in model.decoder.get_decoder().layers.parameters():
            if parameter.dim() == 2:
                parameter.copy_(0.3 * torch.randn_like(parameter))  # smaller ones would say the same to everything
    model.save_pretrained(tmp_path / "model")
    for side in ("theirs", "ours"):
        (tmp_path / side).mkdir()
    command = [oracle.python, calls_reference.__file__, tmp_path / "model", tmp_path / "theirs"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected = json.loads(done.stdout)
    found = json.loads(json.dumps(calls_reference.calls(s2t2_live, tmp_path / "model", tmp_path / "ours")))
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert found[name] == value, name
    first, second = expected["generate 0"]
    assert first != second
    assert len(set(first)) > 4
