"""The table by which a checkpoint is chosen, with the shipped one."""

import json
import shutil
from pathlib import Path

import pytest

from s2t2_live.assets import asset
from s2t2_live.errors import ModelError
from s2t2_live.evaluation.selection import SKIPPED, main
from s2t2_live.evaluation.speech_sets import held_out_phrases
from s2t2_live.training.phrase_book import PhraseBook
from s2t2_live.training.voices import DEBIAN_VOICES

needs_all = pytest.mark.skipif(
    not all(shutil.which(voice.engine) for voice in DEBIAN_VOICES),
    reason="flite, festival and espeak-ng are not all installed",
)


@needs_all
def test_the_shipped_checkpoint_hears_better_without_a_room(
    demo_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(demo_model), "--phrases", "12", "--sentences", "12", "--cache", str(tmp_path), "--workers", "1"]
    assert main(arguments) == 0
    head, _, row, last = capsys.readouterr().out.splitlines()
    assert head == "| checkpoint | phrases | sentences | phrases, in a room | sentences, in a room |"
    [figures] = json.loads(last).values()
    assert row == f"| {demo_model} | {' | '.join(f'{bleu:.1f}' for bleu in figures.values())} |"
    assert figures["phrases"] > figures["phrases, in a room"] > 0
    assert figures["phrases"] > 40
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {str(demo_model): figures}, "no chance in it"


def test_it_has_other_phrases_than_the_reported_figures() -> None:
    book = PhraseBook.load(asset("phrase_book"))
    reported = {phrase.english for phrase in held_out_phrases(book, SKIPPED)}
    assert not reported & {phrase.english for phrase in held_out_phrases(book, 50, skip=SKIPPED)}


def test_a_folder_without_a_checkpoint_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--cache", str(tmp_path / "cache")]) == ModelError.exit_code
    assert str(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "cache").exists(), "before anything is spoken"


@pytest.mark.parametrize("count", ["0", "-1", "many"])
@pytest.mark.parametrize("option", ["--phrases", "--sentences", "--beams", "--workers"])
def test_none_of_what_is_counted_is_a_usage_error(
    option: str, count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), option, count])
    assert stopped.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err
