"""What the live engine does to speech before a model hears it, for batches on any device. Knows no model.

The same as `high_pass`, `Equalizer` and the feature extractor, one after the other, but in single precision.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import pass_share
from s2t2_live.live.equalizer import BAND_SHAPES, DEPTH, FEW, FRAME, HOP, LIMIT, SHARE, Equalizer, interpolated
from s2t2_live.training.augmentation import fft_size, normalize

SHARES = (0.4, 1.0)
"""Of the difference that is evened out in training, so that a model hears well with any in between."""


class Ears:
    """Filters, evens out and normalizes; evens nothing out for a checkpoint that does not say what it is used to."""

    def __init__(self, equalizer: Equalizer | None = None) -> None:
        self.equalizer = equalizer

    def __call__(self, audio: Tensor, lengths: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return what the model hears, (batch, samples), float32.

        Args:
            audio: (batch, samples), float32, zero beyond each length.
            lengths: (batch,), int64, on the CPU.
            generator: on the CPU; draws how much is evened out for each utterance, in training.
        """
        batch, samples = audio.shape
        inside = torch.arange(samples, device=audio.device) < lengths.to(audio.device)[:, None]
        size = fft_size(samples)
        hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
        amplitude = torch.from_numpy(pass_share(hertz)).to(audio)
        mean = audio.sum(1, keepdim=True) / lengths.to(audio.device)[:, None]
        spectrum = torch.fft.rfft((audio - mean) * inside, n=size) * amplitude
        heard = torch.fft.irfft(spectrum, n=size)[:, :samples] * inside
        if self.equalizer is not None:
            levels, frames = long_term_spectra(heard, lengths)
            low, high = SHARES
            drawn = low + (high - low) * torch.rand(batch, 1, generator=generator) if generator else SHARE
            share = drawn * frames / (frames + FEW)
            wanted = torch.from_numpy(self.equalizer.reference).float() - levels
            gains = (share * wanted).clamp(-LIMIT, LIMIT).to(audio.device)
            decibels = gains @ torch.from_numpy(interpolated(np.eye(gains.shape[1]), hertz)).to(audio)
            spectrum = torch.fft.rfft(heard, n=size) * 10 ** (decibels / 20)
            heard = torch.fft.irfft(spectrum, n=size)[:, :samples]
        return normalize(heard, lengths)


def long_term_spectra(audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Of each utterance its `long_term_spectrum`, (batch, bands), and how many frames of speech it has, (batch, 1).

    Both are on the CPU, where there is no speech zero.
    """
    if audio.shape[1] < FRAME:
        return torch.zeros(len(audio), len(BAND_SHAPES)), torch.zeros(len(audio), 1)
    frames = audio.unfold(1, FRAME, HOP) * torch.from_numpy(np.hanning(FRAME)).to(audio)
    power = torch.fft.rfft(frames).abs().square() @ torch.from_numpy(BAND_SHAPES.T).to(audio)
    whole = torch.arange(power.shape[1], device=audio.device) * HOP + FRAME <= lengths.to(audio.device)[:, None]
    total = power.sum(2) * whole
    speech = total > total.amax(1, keepdim=True) * 10 ** (-DEPTH / 10)
    count = speech.sum(1, keepdim=True)
    mean = (power * speech[:, :, None]).sum(1) / count.clamp_min(1)
    levels = 10 * torch.log10((mean + 1e-9 * mean.mean(1, keepdim=True)).clamp_min(1e-30))
    levels = (levels - levels.mean(1, keepdim=True)) * (count > 0)
    return levels.cpu(), count.cpu()
