"""Evens out what a voice, a microphone and a room do to the long-term spectrum of speech. Knows no model.

The mean over time of the logarithmic spectrum is what the channel adds to all that is said; taking it out is cepstral
mean normalisation (Atal 1974, https://doi.org/10.1121/1.1914702), done here to the waveform and not to the end, because
the mean also holds which sounds were said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import filtered, high_pass
from s2t2_live.audio.mel import products, to_mel
from s2t2_live.errors import CheckpointError
from s2t2_live.speech2text2.json_files import read_object

SPECTRUM_FILE = "spectrum.json"
"""In the folder of a checkpoint: `decibels`, the `long_term_spectrum` of what it was trained on."""
BANDS = 20
LOWEST, HIGHEST = 80.0, 7600.0
"""Hertz, of the bands, which are equally wide in mel."""
SHARE = 0.7
"""Of the difference to the training's spectrum that is evened out, where there is much speech."""
LIMIT = 10.0
"""Decibels that no band is changed beyond."""
FEW = 50
"""Frames of speech that give half of the share."""
DEPTH = 30.0
"""Frames of more decibels below the loudest one are no speech."""
FRAME, HOP = 512, 160
"""Samples."""

Array = NDArray[np.float64]


_EDGES = np.linspace(to_mel(LOWEST), to_mel(HIGHEST), BANDS + 2)
_CENTRES = _EDGES[1:-1]
BAND_SHAPES = np.clip(
    1 - np.abs(to_mel(np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)) - _CENTRES[:, None]) / (_EDGES[1] - _EDGES[0]), 0, None
)


def long_term_spectrum(samples: NDArray[np.float32]) -> tuple[Array, int]:
    """Level of each band over all frames of speech, (BANDS,), decibels of mean 0, and how many frames these are.

    `samples` are (n,) at `SAMPLE_RATE`. Without any frame of speech all levels are 0.
    """
    if len(samples) < FRAME or not samples.any():
        return np.zeros(BANDS), 0
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP] * np.hanning(FRAME)
    power = products(np.abs(np.fft.rfft(frames, axis=1)) ** 2, BAND_SHAPES)
    total = power.sum(axis=1)
    speech = power[total > total.max() * 10 ** (-DEPTH / 10)]
    decibels = 10 * np.log10(speech.mean(axis=0) + 1e-9 * speech.mean())
    return decibels - decibels.mean(), len(speech)


@dataclass(frozen=True, slots=True, eq=False)
class Equalizer:
    """Brings speech nearer to the spectrum of a training."""

    reference: Array
    """Its `long_term_spectrum`."""

    @classmethod
    def load(cls, folder: Path) -> Equalizer | None:
        """Of a checkpoint's folder, if it says what it was trained on. Raises CheckpointError for a broken file."""
        path = folder / SPECTRUM_FILE
        if not path.is_file():
            return None
        try:
            decibels = np.array(read_object(path)["decibels"], dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            decibels = np.zeros(0)
        if decibels.shape != (BANDS,) or not np.isfinite(decibels).all():
            raise CheckpointError(
                f"{path} must hold {BANDS} numbers as `decibels`; export or fetch the checkpoint anew."
            )
        return cls(decibels)

    @classmethod
    def measured(cls, utterances: Iterable[NDArray[np.float32]]) -> Equalizer:
        """For a model that is trained on such utterances, each (n,) at `SAMPLE_RATE`."""
        return cls(np.mean([long_term_spectrum(high_pass(samples))[0] for samples in utterances], axis=0))

    def save(self, folder: Path) -> None:
        """Write the file that `load` reads."""
        body = {"decibels": [round(float(level), 2) for level in self.reference]}
        (folder / SPECTRUM_FILE).write_text(json.dumps(body) + "\n", encoding="utf-8")

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples, (n,) at `SAMPLE_RATE`, with every frequency louder or softer; none is delayed."""
        spectrum, frames = long_term_spectrum(samples)
        gains = np.clip(SHARE * frames / (frames + FEW) * (self.reference - spectrum), -LIMIT, LIMIT)
        return filtered(samples, lambda hertz: 10 ** (interpolated(gains, hertz) / 20))


def interpolated(gains: Array, hertz: NDArray[np.floating]) -> Array:
    """Decibels at each frequency, (…, frequencies), of those of the bands, (…, BANDS)."""
    place = (to_mel(hertz) - _CENTRES[0]) / (_CENTRES[1] - _CENTRES[0])
    below = np.clip(place.astype(np.int64), 0, BANDS - 2)
    share = np.clip(place - below, 0.0, 1.0)
    return np.asarray(gains[..., below] * (1 - share) + gains[..., below + 1] * share)
