"""In which type a training multiplies."""

import pytest
import torch

from s2t2_live.training import arithmetic
from s2t2_live.training.arithmetic import LEAST_GAIN, bfloat16_pays


def test_a_gpu_multiplies_in_bfloat16() -> None:
    assert bfloat16_pays(torch.device("cuda"))


@pytest.mark.parametrize(("gain", "pays"), [(0.2, False), (0.99 * LEAST_GAIN, False), (1.01 * LEAST_GAIN, True)])
def test_a_processor_does_where_it_gains_enough(gain: float, pays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "_gain", lambda: gain)
    assert bfloat16_pays(torch.device("cpu")) is pays


def test_the_gain_is_measured_once() -> None:
    assert arithmetic._gain() > 0
    assert arithmetic._gain() == arithmetic._gain()
