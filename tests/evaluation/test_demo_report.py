"""The summary of the demonstration, from events made by hand."""

from __future__ import annotations

import sys

import pytest

from s2t2_live.evaluation.demo import Heard, report
from s2t2_live.live.events import Final, Summary
from s2t2_live.training.recordings import Recording


def heard(file: str, german: str, *said: str, lag: float = 0.5) -> Heard:
    one = Heard(Recording(file, "slt", "english", german))
    for segment, text in enumerate(said):
        one.handle(Final(segment, 0.0, 1.0, text, compute=0.1, lag=lag))
    one.handle(Summary(10.0, len(said), 0.2, {"median": lag, "p95": lag}, 0.0))
    return one


def test_sentences_stand_beside_their_references() -> None:
    text = report([heard("a.flac", "Guten Tag. Wie geht es Ihnen?", "Guten Tag.", "Wie geht es dir?")])
    assert "  = Guten Tag.\n    reference  Wie geht es Ihnen?\n    said       Wie geht es dir?" in text
    assert "0 of 1 recordings word for word" in text


def test_texts_stand_whole_where_the_captions_are_cut_differently() -> None:
    text = report([heard("a.flac", "Guten Tag. Wie geht es Ihnen?", "Guten Tag. Wie geht es Ihnen?")])
    assert "  = Guten Tag. Wie geht es Ihnen?" in text
    assert "1 of 1 recordings word for word" in text


def test_figures_are_over_all_recordings() -> None:
    text = report(
        [heard("a.flac", "Eins zwei drei vier.", "Eins zwei drei vier.", lag=1.0), heard("b.flac", "Ja.", "", lag=3.0)]
    )
    assert "1 of 2 recordings word for word, 20 s of audio" in text
    assert "median 2.00 s, 95th percentile 2.90 s" in text
    assert "Real-time factor 0.200" in text
    assert "BLEU" in text


def test_without_sacrebleu_the_rest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    text = report([heard("a.flac", "Ja.", "Ja.")])
    assert "BLEU needs sacrebleu" in text
    assert "Real-time factor" in text
