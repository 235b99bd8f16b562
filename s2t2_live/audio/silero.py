"""The Silero voice activity detector, which needs the package silero-vad. Knows no segments."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import UsageError


class SileroDetector:
    """A small recurrent network that gives the probability of speech for each 32 ms.

    It takes a little more certainty to begin with speech than to go on with it. After some silence the network
    forgets what it heard: in a stream without end its certainty may fade.
    """

    frame = 512

    def __init__(self, *, begin: float = 0.5, keep: float = 0.35, memory: float = 5.0) -> None:
        """`begin` and `keep` are probabilities, `memory` is seconds of silence.

        Raises UsageError where the package is not installed.
        """
        self._begin = begin
        self._keep = keep
        self._memory = round(memory * SAMPLE_RATE / self.frame)
        self._network = _load()
        self.reset()
        for _ in range(3):  # The first calls compile.
            self.is_speech(np.zeros(self.frame, dtype=np.float32))
        self.reset()

    def reset(self) -> None:
        self._network.reset_states()
        self._speaking = False
        self._silent = 0

    def is_speech(self, frame: NDArray[np.float32]) -> bool:
        with torch.no_grad():
            probability = float(self._network(torch.from_numpy(frame), SAMPLE_RATE))
        self._speaking = probability >= (self._keep if self._speaking else self._begin)
        self._silent = 0 if self._speaking else self._silent + 1
        if self._silent >= self._memory:
            self.reset()
        return self._speaking


def _load() -> Any:
    """A scripted module; it has no types."""
    threads = torch.get_num_threads()
    try:
        from silero_vad import load_silero_vad
    except ImportError as error:
        raise UsageError("The voice detector silero is not installed: pip install silero-vad") from error
    finally:
        torch.set_num_threads(threads)  # The package sets it to 1 for the whole process when it is imported.
    with warnings.catch_warnings():
        # torch announces the end of the format in which the network comes.
        warnings.simplefilter("ignore", DeprecationWarning)
        return load_silero_vad()
