"""Making clean synthetic speech sound like rooms, telephones and bad microphones, a batch at a time, on any device.

Knows waveforms only. What is changed, and how much, comes from the generator that it is given; the samples of noises
and rooms come from torch's own, on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import pass_share
from s2t2_live.training.codecs import CODECS, coded

TAIL = 0.8
"""Seconds of a room that are heard after the direct sound."""


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How often (a probability for each utterance) and how strongly."""

    equalizer: float = 0.7
    equalizer_db: float = 8.0
    """Standard deviation of the random frequency response, decibels."""
    reverberation: float = 0.92
    reverberation_time: tuple[float, float] = (0.25, 1.2)
    """Range of RT60 at low frequencies, seconds; short ones are as frequent as long ones in its logarithm."""
    direct_db: tuple[float, float] = (-12.0, 2.0)
    """Range of the direct-to-reverberant ratio, decibels."""
    telephone: float = 0.1
    noise: float = 0.8
    noise_db: tuple[float, float] = (3.0, 25.0)
    """Range of the signal-to-noise ratio, decibels."""
    babble: float = 0.15
    """Of the noises: voices of the other utterances, talking at once."""
    tones: float = 0.1
    """Of the noises: chords that swell and fade, as of music."""
    clipping: float = 0.06
    companding: float = 0.06
    """8-bit mu-law, as on an old telephone line."""
    codec: float = 0.03
    """A low bit rate; the slowest of all, on the CPU and one utterance after the other."""
    dropout: float = 0.25
    """A gap of up to 120 ms, as from a lost packet."""


UNCHANGED = AugmentationSettings(
    equalizer=0, reverberation=0, telephone=0, noise=0, clipping=0, companding=0, codec=0, dropout=0
)
"""Nothing happens; what shall is replaced."""


class Augmentation:
    """Applies the settings to batches of waveforms."""

    def __init__(self, settings: AugmentationSettings | None = None) -> None:
        self.settings = settings or AugmentationSettings()

    def __call__(self, audio: Tensor, lengths: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
        """Return a changed copy.

        Args:
            audio: (batch, samples), float32, zero beyond each length.
            lengths: (batch,), int64.
            generator: on the CPU; draws everything but the samples of noises and rooms.
            strength: 0 to 1, scales every probability; training ramps it up.
        """
        settings = self.settings
        batch, samples = audio.shape
        device = audio.device

        def chosen(probability: float) -> Tensor:
            return (torch.rand(batch, 1, generator=generator) < probability * strength).to(device)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return (low + (high - low) * torch.rand(*shape, generator=generator)).to(device)

        size = fft_size(samples)
        frequencies = torch.linspace(0, SAMPLE_RATE / 2, size // 2 + 1, device=device)
        response = self._equalizer(frequencies, chosen(settings.equalizer), generator)
        telephone = chosen(settings.telephone)
        band = torch.sigmoid((frequencies - 300) / 40) * torch.sigmoid((3400 - frequencies) / 120)
        response = torch.where(telephone, response * band, response)
        spectrum = torch.fft.rfft(audio, n=size) * response
        reverberant = chosen(settings.reverberation)[:, 0].nonzero()[:, 0]
        if count := len(reverberant):
            shortest, longest = settings.reverberation_time
            decay = shortest * (longest / shortest) ** uniform(0.0, 1.0, count, 1)
            ratio = uniform(*settings.direct_db, count, 1)
            room = _room_response(decay, ratio, uniform(0.0, 1.0, 5, count, 1), frequencies)
            spectrum[reverberant] = spectrum[reverberant] * room
        speech = torch.fft.irfft(spectrum, n=size)[:, :samples]
        inside = torch.arange(samples, device=device) < lengths.to(device)[:, None]
        speech = speech * inside

        power = speech.square().sum(1, keepdim=True) / lengths.to(device)[:, None]
        noise = _coloured_noise(batch, size, uniform(0.0, 1.2, batch, 1), frequencies)[:, :samples]
        kind = uniform(0.0, 1.0, batch, 1)
        noise = torch.where(kind < settings.babble, _babble(speech, generator), noise)
        musical = (kind[:, 0] > 1 - settings.tones).nonzero()[:, 0]
        if len(musical):
            noise[musical] = _tones(len(musical), samples, generator, device)
        ratio = uniform(*settings.noise_db, batch, 1)
        scale = (power / noise.square().mean(1, keepdim=True).clamp_min(1e-12) * 10 ** (-ratio / 10)).sqrt()
        speech = torch.where(chosen(settings.noise), speech + noise * scale * inside, speech)

        peak = speech.abs().amax(1, keepdim=True).clamp_min(1e-6)
        limit = peak * uniform(0.25, 0.8, batch, 1)
        speech = torch.where(chosen(settings.clipping), speech.clamp(-limit, limit), speech)
        speech = torch.where(chosen(settings.companding), _mu_law(speech / peak) * peak, speech)
        codecs = torch.randint(len(CODECS), (batch,), generator=generator).tolist()
        for row in chosen(settings.codec)[:, 0].nonzero()[:, 0].tolist():
            wave = (speech[row, : lengths[row]] / peak[row]).cpu().numpy()
            speech[row, : lengths[row]] = torch.from_numpy(coded(wave, CODECS[codecs[row]])).to(device) * peak[row]
        start = uniform(0, 1, batch, 1) * lengths.to(device)[:, None]
        position = torch.arange(samples, device=device)
        lost = (position >= start) & (position < start + uniform(0.02, 0.12, batch, 1) * SAMPLE_RATE)
        return torch.where(chosen(settings.dropout) & lost, torch.zeros_like(speech), speech)

    def _equalizer(self, frequencies: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
        """A smooth random response, (batch, bins): a few cosines over the logarithm of the frequency."""
        batch, waves = len(chosen), 4
        octave = torch.log2(frequencies.clamp_min(60) / 60) / math.log2(SAMPLE_RATE / 2 / 60)
        order = torch.arange(1, waves + 1, device=frequencies.device)
        weights = torch.randn(batch, waves, generator=generator).to(frequencies.device) / math.sqrt(waves)
        phases = 2 * math.pi * torch.rand(batch, waves, generator=generator).to(frequencies.device)
        curves = torch.cos(math.pi * order[None, :, None] * octave[None, None, :] + phases[:, :, None])
        decibels = math.sqrt(2) * self.settings.equalizer_db * (weights[:, :, None] * curves).sum(1)
        return torch.where(chosen, 10 ** (decibels / 20), torch.ones_like(decibels))


def normalize(audio: Tensor, lengths: Tensor) -> Tensor:
    """Zero mean and unit variance over each utterance, zero beyond it, as `Wav2Vec2FeatureExtractor` does."""
    inside = torch.arange(audio.shape[1], device=audio.device) < lengths.to(audio.device)[:, None]
    count = lengths.to(audio.device)[:, None]
    mean = (audio * inside).sum(1, keepdim=True) / count
    centred = (audio - mean) * inside
    variance = centred.square().sum(1, keepdim=True) / count
    return centred / (variance + 1e-7).sqrt()


def fft_size(samples: int) -> int:
    """The next size whose only factors are 2, 3 and 5, with room for a reverberant tail."""
    size = samples + int(TAIL * SAMPLE_RATE)
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1 and size % 2 == 0:
            return size
        size += 1


def _room_response(decay: Tensor, ratio: Tensor, draws: Tensor, frequencies: Tensor) -> Tensor:
    """The spectrum of direct sound and, after a delay, of sparse noise that decays exponentially (Polack's model).

    High frequencies decay faster than low ones and may be softer, as walls and air swallow them.

    Args:
        decay: (batch, 1), RT60 of low frequencies, seconds.
        ratio: (batch, 1), energy of the direct sound to that of the tail, decibels.
        draws: (5, batch, 1), 0 to 1: delay, where high frequencies begin, how fast they decay, how soft they are, and
            how long the tail stays as loud as it begins.
        frequencies: (bins,), hertz, of the result, which is (batch, bins), complex.
    """
    delay, crossover = 0.002 + 0.01 * draws[0], 500 * 6 ** draws[1]
    faster, softer = 0.3 + 0.7 * draws[2], 10 ** ((3 - 16 * draws[3]) / 20)
    size = 2 * (len(frequencies) - 1)
    time = torch.arange(int(TAIL * SAMPLE_RATE), device=decay.device) / SAMPLE_RATE
    noise = torch.randn(len(decay), len(time), device=decay.device)
    noise = noise * noise.abs() * (time >= delay)
    fading = (time - 0.06 * draws[4]).clamp_min(0)
    low = torch.fft.rfft(noise * torch.exp(-6.9 * fading / decay), n=size)
    high = torch.fft.rfft(noise * torch.exp(-6.9 * fading / (decay * faster)), n=size)
    share = 1 / (1 + (frequencies / crossover) ** 2)
    tail = share * low + softer * (1 - share) * high
    energy = tail.abs().square().mean(1, keepdim=True)
    return 1 + tail * 10 ** (-ratio / 20) / energy.clamp_min(1e-12).sqrt()


def _coloured_noise(batch: int, size: int, slope: Tensor, frequencies: Tensor) -> Tensor:
    """Gaussian noise whose amplitude falls with frequency to the power `slope`: 0 is white, 0.5 pink, 1 brown.

    Of that, what the live engine's high-pass filter lets through.
    """
    through = torch.from_numpy(pass_share(frequencies.double().cpu().numpy())).to(frequencies)
    shape = through * (frequencies.clamp_min(50) / 50) ** -slope
    white = torch.randn(batch, len(frequencies), 2, device=frequencies.device)
    return torch.fft.irfft(torch.view_as_complex(white) * shape, n=size)


def _babble(speech: Tensor, generator: torch.Generator) -> Tensor:
    """For each utterance three others, each beginning somewhere; silence where there is only one."""
    batch, samples = speech.shape
    voices = torch.zeros_like(speech)
    for _ in range(min(3, batch - 1)):
        rows = int(torch.randint(1, batch, (), generator=generator))
        shift = int(torch.randint(samples, (), generator=generator))
        voices += speech.roll((rows, shift), (0, 1))
    return voices


def _tones(batch: int, samples: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Five sines each, (batch, samples), every one swelling at a rate of its own."""
    time = torch.arange(samples, device=device) / SAMPLE_RATE
    draws = torch.rand(5, 4, batch, 1, generator=generator).to(device)
    total = torch.zeros(batch, samples, device=device)
    for pitch, rate, phase, loudness in draws:
        wave = torch.sin(2 * math.pi * (80 * 30**pitch * time + phase))
        total += loudness * wave * (1 + torch.sin(2 * math.pi * (0.2 + 4 * rate) * time + 6 * phase))
    return total


def _mu_law(audio: Tensor, levels: int = 255) -> Tensor:
    """Compress to 8 bits and back (ITU-T G.711's mu-law curve, unsegmented)."""
    compressed = torch.sign(audio) * torch.log1p(levels * audio.abs()) / math.log1p(levels)
    quantized = torch.round(compressed * (levels // 2)) / (levels // 2)
    return torch.sign(quantized) * ((1 + levels) ** quantized.abs() - 1) / levels
