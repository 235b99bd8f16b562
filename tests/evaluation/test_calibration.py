"""The calibration of the confidence, on evidence that the test makes up, and its file as the engine reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2t2_live.errors import S2T2Error
from s2t2_live.evaluation import calibration as module
from s2t2_live.evaluation.calibration import FAR_BELOW, RIGHT_BELOW, Judged, fit, is_right, report
from s2t2_live.evaluation.logistic import area_under_curve, fit_logistic
from s2t2_live.live.confidence import Calibration
from s2t2_live.live.hypothesis import Evidence


def judged(overlap: float, count: int = 400) -> list[Judged]:
    """Right, wrong and far ones; `overlap` is the spread of each kind beside a distance of 1 between their means."""
    rng = np.random.default_rng(0)
    found = []
    for kind, middle in (("right", -0.2), ("wrong", -0.7), ("far", -1.2)):
        for mean in rng.normal(middle, overlap, count):
            least, margin, rate = rng.normal(-1, 0.2), rng.normal(3, 1), rng.normal(3, 1)
            found.append(Judged(Evidence(mean, least, -mean, margin, 0.3 - mean / 10, rate), kind))
    return found


def confidences(folder: Path, judged: list[Judged], kind: str) -> np.ndarray:
    (folder / "confidence.json").write_text(json.dumps(fit(judged)), encoding="utf-8")
    calibration = Calibration.load(folder)
    assert calibration is not None
    return np.array([calibration.confidence(one.evidence) for one in judged if one.kind == kind])


def test_the_threshold_is_one_half(tmp_path: Path) -> None:
    """Where the kinds overlap little, nearly all far ones are below it and few of the right ones."""
    examples = judged(0.2)
    assert (confidences(tmp_path, examples, "far") < 0.5).mean() == pytest.approx(FAR_BELOW, abs=0.01)
    assert (confidences(tmp_path, examples, "right") < 0.5).mean() < RIGHT_BELOW


def test_right_ones_are_not_given_up_for_far_ones(tmp_path: Path) -> None:
    examples = judged(0.8)
    assert (confidences(tmp_path, examples, "right") < 0.5).mean() == pytest.approx(RIGHT_BELOW, abs=0.01)


def test_wrong_translations_are_less_sure_than_right_ones(tmp_path: Path) -> None:
    examples = judged(0.2)
    right, wrong = (confidences(tmp_path, examples, kind) for kind in ("right", "wrong"))
    assert area_under_curve(right, wrong) > 0.9


def test_nothing_right_is_nothing_to_fit() -> None:
    with pytest.raises(S2T2Error, match="nothing to fit"):
        fit([one for one in judged(0.2) if one.kind != "right"])


def test_the_report_has_every_piece_of_evidence() -> None:
    examples = judged(0.2)
    text = report(examples, fit(examples))
    rows = {line.split()[0]: float(line.split()[1]) for line in text.splitlines()[2:]}
    assert list(rows) == ["mean", "least", "entropy", "margin", "focus", "rate", "confidence"]
    assert rows["mean"] == rows["entropy"] > 0.95
    assert 0.5 <= rows["rate"] < 0.6


@pytest.mark.parametrize(
    ("said", "right"),
    [("Wo ist der Bahnhof?", True), ("Wo ist der Bahnhof", True), ("Wo ist die Apotheke?", False), ("", False)],
)
def test_what_counts_as_right(said: str, right: bool) -> None:
    assert is_right(said, "Wo ist der Bahnhof?") == right


def test_a_known_regression() -> None:
    """Log-odds of counts: 3 to 1 at 0, 1 to 3 at 1."""
    features = np.array([[0.0]] * 4 + [[1.0]] * 4)
    labels = np.array([1.0, 1, 1, 0, 1, 0, 0, 0])
    found = fit_logistic(features, labels, ridge=0.0)
    assert found.log_odds(np.array([[0.0], [1.0]])) == pytest.approx([np.log(3), -np.log(3)], abs=1e-4)
    doubled = fit_logistic(np.vstack([features, features]), np.tile(labels, 2), ridge=0.0)
    weighted = fit_logistic(features, labels, np.full(8, 2.0), ridge=0.0)
    assert weighted.weights == pytest.approx(doubled.weights)


def test_a_known_area() -> None:
    assert area_under_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx((1 + 1 + 1 + 0.5) / 4)


def test_the_name_of_a_checkpoint_is_its_folder(demo_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Path] = []
    monkeypatch.setattr(module, "calibrate", lambda folder, *_, **__: given.append(folder))
    assert module.main(["demo-en-de"]) == 0
    assert given == [demo_model]


def test_a_folder_without_a_checkpoint_is_said_before_anything_is_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "calibrate", pytest.fail)
    assert module.main([str(tmp_path / "gone")]) == 4
    assert "calibration: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (PermissionError(13, "Permission denied", "confidence.json"), 1, "confidence.json: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_ends_it_early(
    error: BaseException,
    code: int,
    told: str,
    demo_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def calibrate(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(module, "calibrate", calibrate)
    assert module.main([str(demo_model)]) == code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == bool(told)


@pytest.mark.parametrize("option", ["--phrases", "--workers"])
def test_none_of_what_is_counted_is_a_usage_error(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        module.main([str(tmp_path), option, "0"])
    assert stopped.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err
