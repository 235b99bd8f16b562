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
    assert "holds no speech; run `python -m s2t2_live.training synthesize --evaluation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--certainties", "high", "must be a number from 0 to 1, not 'high'"),
        ("--certainties", "0.5,2", "must be a number from 0 to 1, not '2'"),
        ("--utterances", "-1", "must be at least 1"),
        ("--beams", "0", "must be at least 1"),
        ("--threads", "0", "must be at least 1"),
        ("--step", "inf", "must be a number above 0"),
    ],
)
def test_a_number_that_cannot_be_is_a_usage_error(
    flag: str, value: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), flag, value])
    assert stopped.value.code == 2
    assert f"argument {flag}: {told}" in capsys.readouterr().err
