"""Which layer tells where tokens were taken from, against evidence counted by hand."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from s2t2_live.errors import UsageError
from s2t2_live.evaluation.alignment import Evidence, collect, main, segments, store
from s2t2_live.live.hypothesis import Hypothesis
from s2t2_live.live.translation import SpeechTranslationModel


@pytest.mark.parametrize(
    ("confirmed", "changed", "order"),
    [([1.0, 0.8], [0.1], 1.0), ([0.1], [1.0, 0.8], 0.0), ([0.5], [0.5], 0.5), ([1.0, 0.2], [0.5, 0.2], 0.625)],
)
def test_the_order_of_confirmed_and_changed_tokens(confirmed: list[float], changed: list[float], order: float) -> None:
    assert Evidence(confirmed, changed).order == order


def test_without_a_change_there_is_nothing_to_learn() -> None:
    with pytest.raises(UsageError, match="more recordings"):
        _ = Evidence([1.0], []).order


def test_the_evidence_of_two_layers() -> None:
    """The model hears "1 2 3", and "1 9 8" before it has heard a second and a half."""

    def translate(samples: np.ndarray, prefix: Any, *, beam_size: int, max_tokens: int) -> Hypothesis:
        return Hypothesis((1, 2, 3) if len(samples) >= 24_000 else (1, 9, 8), True, ())

    def attention(samples: np.ndarray, tokens: tuple[int, ...]) -> torch.Tensor:
        """Layer 0 goes along with the tokens, in the mean of two heads; layer 1 stays at the last frame."""
        frames = len(samples) // 1_600
        weights = torch.zeros(2, 2, len(tokens), frames)
        for token in range(len(tokens)):
            weights[0, 0, token, 2 * token] = 0.6
            weights[0, 1, token, [2 * token, 5]] = 0.5
            weights[1, :, token, -1] = 1.0
        return weights

    model: Any = SimpleNamespace(translate=translate, attention=attention)
    first, second = collect(model, [np.zeros(32_000, np.float32)])
    # Beginnings of 1.0 and 1.5 seconds; a frame is a tenth of a second.
    assert first.confirmed == pytest.approx([0.95, 1.45, 1.25, 1.05])
    assert first.changed == pytest.approx([0.75])
    assert second.confirmed == pytest.approx([0.05] * 4)
    assert second.changed == pytest.approx([0.05])


def test_a_recording_in_the_segments_of_a_session(recordings: dict[Path, Any]) -> None:
    file = next(iter(recordings))
    found = list(segments(file))
    assert len(found) >= 2
    assert all(0.5 < len(samples) / 16_000 <= 10.0 for samples in found)


def test_the_result_is_stored_in_the_checkpoint(
    demo_model: Path, recordings: dict[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(demo_model, folder)
    before = json.loads((folder / "generation_config.json").read_text())
    assert main([str(folder), *map(str, list(recordings)[:2]), "--write"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    after = json.loads((folder / "generation_config.json").read_text())
    assert after["alignment_heads"] == [[result["layer"], head] for head in range(4)]
    assert {**before, **after} == {**before, "alignment_heads": after["alignment_heads"]}
    model = SpeechTranslationModel.load(str(folder), device="cpu", precision="fp32", threads=None, offline=True)
    assert model._alignment_heads == [(result["layer"], head) for head in range(4)]
    assert max(result["order"]) == result["order"][result["layer"]] > 0.5


def test_storing_changes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"decoder": {"decoder_attention_heads": 2}}')
    (tmp_path / "generation_config.json").write_text('{"num_beams": 5, "_from_model_config": true}')
    store(tmp_path, 1)
    written = json.loads((tmp_path / "generation_config.json").read_text())
    assert written == {"num_beams": 5, "alignment_heads": [[1, 0], [1, 1]]}


def test_a_checkpoint_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere"]) == 4
    assert "alignment: " in capsys.readouterr().err


def test_recordings_that_are_too_short_for_a_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = SimpleNamespace(translate=lambda *_, **__: Hypothesis((1, 2), True, ()))
    monkeypatch.setattr(SpeechTranslationModel, "load", lambda *_, **__: model)
    monkeypatch.setattr("s2t2_live.evaluation.alignment.segments", lambda file: [np.zeros(16_000, np.float32)])
    assert main(["demo-en-de", "short.wav"]) == UsageError.exit_code
    assert "give more recordings, or longer ones" in capsys.readouterr().err
