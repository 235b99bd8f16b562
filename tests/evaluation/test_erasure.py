"""The comparison of checkpoints, with the shipped one on shipped recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from s2t2_live.evaluation.erasure import Row, main, table
from s2t2_live.training.recordings import Recording
from s2t2_live.training.shards import write_shard


def test_the_table_has_a_line_for_each_row() -> None:
    row = Row("one", 0.5, offline=80.0, streaming=79.5, erasure=0.125, early=0.5)
    assert table([row, row]).splitlines()[2:] == ["| one | 0.5 | 80.0 | 79.5 | 0.125 | 50 % |"] * 2


def test_the_shipped_checkpoint_through_the_engine(
    demo_model: Path, recordings: dict[Path, Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, row = min(recordings.items(), key=lambda item: soundfile.info(item[0]).frames)
    samples, _ = soundfile.read(path, dtype="int16")
    write_shard(tmp_path, "00000", [(np.asarray(samples), row.english, row.german, "demo", row.voice)])
    assert main([str(demo_model), "--speech", str(tmp_path), "--certainties", "0.5"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("| demo-en-de | 0.5 |")
    figures = json.loads(last)
    assert figures["utterances"] == 1
    assert figures["rows"][0]["streaming"] > 10
    assert 0 <= figures["rows"][0]["early"] <= 1


def test_a_folder_without_speech_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--speech", str(tmp_path)]) == 1
    assert "holds no speech" in capsys.readouterr().err


def test_certainties_that_are_no_numbers_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--certainties", "high"])
    assert stopped.value.code == 2
