"""The model card is filled from the figures of the benchmark, and only between its marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2t2_live.evaluation.model_card import filled, main
from s2t2_live.evaluation.quality import NOISE_DB, Translated, centred, degraded, failures, scores, signatures
from s2t2_live.training.shards import Example, write_shard

CARD = """# a model

By hand.

<!-- data -->
of an older checkpoint
<!-- end of data -->
<!-- measured -->
<!-- end of measured -->
Between by hand.
<!-- confidence -->
<!-- end of confidence -->
<!-- failures -->
<!-- end of failures -->
"""


def translated(english: str, german: str, said: str, confidence: float, voice: str = "flite:rms") -> Translated:
    return Translated(Example(english, german, "hotel", voice, 0, 16_000), {"greedy": said, "beam_5": said}, confidence)


@pytest.fixture
def figures() -> dict[str, Any]:
    """What the benchmark prints, of a few sentences."""
    spoken = [
        translated("A room, please.", "Ein Zimmer, bitte.", "Ein Zimmer, bitte.", 0.9),
        translated("Where is the lift?", "Wo ist der Aufzug?", "Wo ist die Treppe?", 0.7, "festival:ked_diphone"),
        translated("Where is the lift?", "Wo ist der Aufzug?", "Guten Morgen.", 0.2),
    ]
    return {
        "weights": "abc",
        "signatures": signatures(),
        "sets": {"natural": scores(spoken)},
        "sounds": {"music": {"seconds": 60.0, "captions": 0}, "noise": {"seconds": 60.0, "captions": 2}},
        "speed": {"real_time_factor": 0.0456, "threads": 2},
        "confidence": {
            "threshold": 0.5,
            "right": 10,
            "right_below": 4.0,
            "right_reserved_below": 5.0,
            "wrong_below": 40.0,
            "far_below": 91.0,
            "real": 0,
            "real_below": None,
            "area_under_curve": 0.98,
        },
        "failures": failures(spoken, 5),
        "skipped": ["noisy: there are no rooms"],
    }


def test_scores_by_search_voice_and_topic(figures: dict[str, Any]) -> None:
    natural = figures["sets"]["natural"]["beam_5"]
    assert natural["utterances"] == 3
    assert natural["exact"] == pytest.approx(100 / 3)
    assert natural["by_voice"]["festival:ked_diphone"]["exact"] == 0
    assert natural["by_topic"]["hotel"]["bleu"] == natural["bleu"]


def test_failures_are_the_surest_and_no_sentence_twice(figures: dict[str, Any]) -> None:
    assert [(one["said"], one["confidence"]) for one in figures["failures"]] == [("Wo ist die Treppe?", 0.7)]


def test_the_card_is_filled_twice_alike(
    figures: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    (tmp_path / "figures.txt").write_text("a table\n" + json.dumps(figures) + "\n", encoding="utf-8")
    speech = np.zeros(32_000, dtype=np.int16)
    write_shard(tmp_path / "work/speech", "00000", [(speech, "A room, please.", "Ein Zimmer, bitte.", "hotel", "v")])
    arguments = [str(tmp_path), str(tmp_path / "figures.txt"), "--work", str(tmp_path / "work")]
    assert main(arguments) == 0
    once = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert main(arguments) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == once
    assert once.startswith("# a model\n\nBy hand.\n")
    assert "Between by hand." in once
    assert "older" not in once
    for text in (
        "1 utterances, 1 different English texts, 3 different English words",
        "| natural sentences, voices never heard | beam 5 |",
        "60 s of music through the live engine: no caption.",
        "60 s of noise through the live engine: 2 captions.",
        "0.046",
        "| sentences from far topics, voices never heard | 91.0 % |",
        "| Where is the lift? | Wo ist die Treppe? | `festival:ked_diphone` |",
        "Not measured: noisy: there are no rooms.",
    ):
        assert text in once


def test_a_card_without_marks_and_figures_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("# a model\n", encoding="utf-8")
    (tmp_path / "figures.txt").write_text("no figures\n", encoding="utf-8")
    assert main([str(tmp_path), str(tmp_path / "figures.txt")]) == 2
    assert "last line" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "missing.txt")]) == 1


def test_a_section_without_marks_is_named() -> None:
    with pytest.raises(Exception, match="no marks for measured"):
        filled("# a model\n", {"measured": "x"})


def test_degraded_speech_has_the_noise_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    speech = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    room = np.zeros(800, dtype=np.float32)
    room[10] = 0.5
    noise = rng.standard_normal(4_000).astype(np.float32)
    noisy = degraded(speech, [room], [noise], 0)
    clean = degraded(speech, [room], [noise * 0], 0)
    assert clean == pytest.approx(speech, abs=1e-6)
    assert 20 * np.log10(clean.std() / (noisy - clean).std()) == pytest.approx(NOISE_DB, abs=0.1)
    assert np.abs(noisy).max() <= 1


def test_a_recorders_offset_is_no_part_of_a_room() -> None:
    """Speech whose waveform is lopsided, as voices are, would drift in the middle of it."""
    rng = np.random.default_rng(0)
    room = (rng.standard_normal(8_000) * np.exp(-np.arange(8_000) / 800)).astype(np.float32)
    room -= room.mean()
    speech = np.abs(rng.standard_normal(32_000)).astype(np.float32)
    offset = room + np.float32(0.05)
    assert centred(offset) == pytest.approx(room, abs=1e-6)
    drifting, still = (degraded(speech, [one], [speech * 0], 0) for one in (offset, centred(offset)))
    assert np.abs(np.fft.rfft(drifting)[:4]).max() > 10 * np.abs(np.fft.rfft(still)[:4]).max()
