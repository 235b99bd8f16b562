"""Sounds in which nobody speaks."""

from pathlib import Path

import numpy as np
import pytest

from s2t2_live.training import sound_classes
from s2t2_live.training.wordless import wordless_sound


@pytest.mark.parametrize("samples", [6_400, 50_001])
def test_every_kind_is_a_finite_sound_of_the_length_asked_for(samples: int) -> None:
    sounds = [wordless_sound(samples, np.random.default_rng(seed)) for seed in range(60)]
    for sound in sounds:
        assert sound.shape == (samples,)
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() < 0.75
    assert any(not sound.any() for sound in sounds)
    assert sum(np.abs(sound).max() > 0.02 for sound in sounds) > 20


def test_the_generator_decides() -> None:
    one, same, other = (wordless_sound(8_000, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_their_classes_are_not_fitted_to_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        sound_classes.main(["--speech", str(tmp_path), "--count", "0"])
    assert left.value.code == 2
    assert "argument --count: must be at least 1" in capsys.readouterr().err
