"""Which type the products of a training are fast in on this machine. Knows no model."""

from __future__ import annotations

import time
from functools import cache

import torch

LEAST_GAIN = 2.0
"""How many times as fast products in bfloat16 must be: what surrounds them takes longer with conversions."""


def bfloat16_pays(device: torch.device) -> bool:
    """Whether to multiply in bfloat16: always on a GPU, on a CPU where it has instructions for it."""
    return device.type != "cpu" or _gain() >= LEAST_GAIN


@cache
def _gain() -> float:
    """How many times as fast as in float32 a product of about the size of a layer's is in bfloat16 on the CPU.

    Measured, in some hundredths of a second: what the processor calls its instructions says little of their speed.
    """
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(1024, 256, dtype=dtype), torch.ones(256, 512, dtype=dtype)
        tries = []
        for _ in range(6):
            start = time.perf_counter()
            torch.mm(left, right)
            tries.append(time.perf_counter() - start)
        seconds[dtype] = min(tries)
    return seconds[torch.float32] / seconds[torch.bfloat16]
