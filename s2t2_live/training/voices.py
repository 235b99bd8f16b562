"""The synthetic voices that speak the phrase book, and which of them are reserved for evaluation.

Knows no sentence and no model. Three Debian synthesisers speak, flite, festival and espeak-ng, and SVOX Pico by way of
the package ttspico.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.errors import S2T2Error

Engine: TypeAlias = Literal["flite", "festival", "espeak-ng", "pico"]

PACKAGES: Mapping[Engine, str] = {
    "flite": "flite",
    "festival": "festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts",
    "espeak-ng": "espeak-ng",
}
"""Of Debian, with all the voices."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One synthetic speaker."""

    engine: Engine
    name: str
    weight: float = 1.0
    """Its share of the training data, before normalisation."""

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


ESPEAK_ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
ESPEAK_VARIANTS = tuple(
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen adam "
    "anika antonio aunty belinda benjamin boris caleb david ed edward f1 f2 f3 f4 f5 grandma grandpa gustave iven "
    "john kaukovalta klatt klatt2 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro "
    "quincy rob robert sandro shelby steph travis victor zac".split()
)
"""Voice variants of espeak-ng: other vocal tracts, not other words. Robots and whispers are left out."""

DEBIAN_VOICES: tuple[Voice, ...] = (
    Voice("flite", "slt", 18),
    Voice("flite", "awb", 18),
    Voice("flite", "kal16", 8),
    Voice("festival", "cmu_us_slt_arctic_hts", 8),
    Voice("festival", "kal_diphone", 10),
    *(Voice("espeak-ng", accent, 38 / len(ESPEAK_ACCENTS)) for accent in ESPEAK_ACCENTS),
)
"""Voices of training that every Debian has; evaluation with heard voices is spoken by these."""

PICO_VOICES: tuple[Voice, ...] = (Voice("pico", "en-US", 12), Voice("pico", "en-GB", 12))

TRAINING_VOICES: tuple[Voice, ...] = DEBIAN_VOICES + PICO_VOICES
"""What a checkpoint may hear in training and validation."""

RESERVED_VOICES: tuple[Voice, ...] = (
    Voice("flite", "rms"),
    Voice("festival", "ked_diphone"),
    Voice("espeak-ng", "en-gb-scotland"),
)
"""Only for evaluation. A checkpoint that heard one of them cannot be measured by them any more."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a voice shall say, and how."""

    voice: Voice
    text: str
    stretch: float = 1.0
    """Duration relative to the voice's own pace; 1.2 is slower."""
    pitch: float = 1.0
    """Fundamental frequency relative to the voice's own."""
    variant: str = ""
    """An espeak-ng voice variant, such as `f3`."""
    tract: float = 1.0
    """Length of the vocal tract relative to the voice's own: 1.2 makes of a woman almost a man."""


class SynthesisError(S2T2Error):
    """A synthesiser is missing or failed."""


def is_installed(engine: Engine) -> bool:
    """Whether a synthesiser is there; its voices may still be missing."""
    if engine == "pico":
        return importlib.util.find_spec("ttspico") is not None
    return shutil.which(engine) is not None


def check_installed(voices: Iterable[Voice]) -> None:
    """Raises SynthesisError, saying what to install, when a synthesiser of these voices is not there."""
    missing = sorted({voice.engine for voice in voices if not is_installed(voice.engine)})
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise SynthesisError(f"{' and '.join(missing)} {verb} not installed; {_installation(missing)}")


def _installation(engines: Sequence[Engine]) -> str:
    if "pico" in engines:
        return "pip install 's2t2-live[pico]'"
    return f"on Debian: sudo apt-get install -y {' '.join(PACKAGES[engine] for engine in engines)}"


def random_delivery(voice: Voice, text: str, rng: random.Random) -> Utterance:
    """The text with a pace, a pitch, a vocal tract and (espeak-ng) a variant drawn at random."""
    variant = rng.choice(("", *ESPEAK_VARIANTS)) if voice.engine == "espeak-ng" else ""
    # Both voices of Pico are women, most of the others men.
    tract = rng.uniform(0.92, 1.28) if voice.engine == "pico" else rng.uniform(0.88, 1.13)
    return Utterance(voice, text, rng.uniform(0.8, 1.25), rng.uniform(0.75, 1.3) / tract, variant, tract)


def speak(utterances: Sequence[Utterance]) -> list[NDArray[np.int16]]:
    """Synthesise utterances, all of one engine and voice.

    Returns one array each, shape (n,), int16 at 16 kHz, silence trimmed from both ends.
    Raises SynthesisError when the program is missing or gives no sound.
    """
    engine = utterances[0].voice.engine
    check_installed([utterances[0].voice])
    with tempfile.TemporaryDirectory(prefix="speech-") as folder:
        targets = [Path(folder) / f"{index}.wav" for index in range(len(utterances))]
        if engine == "festival":
            _festival(utterances, targets)
        elif engine == "pico":
            from s2t2_live.training.pico import write_speech

            deliveries = [(utterance.text, _pace(utterance), utterance.pitch) for utterance in utterances]
            write_speech(utterances[0].voice.name, deliveries, targets)
        else:
            command = _flite_command if engine == "flite" else _espeak_command
            for utterance, target in zip(utterances, targets, strict=True):
                _run([*command(utterance, target)], utterance.voice)
        return [_load(target, utterance) for target, utterance in zip(targets, utterances, strict=True)]


def _flite_command(utterance: Utterance, target: Path) -> list[str]:
    options = ["--setf", f"duration_stretch={_pace(utterance):.3f}"]
    base = {"slt": 170.0, "awb": 120.0, "rms": 100.0, "kal16": 105.0}[utterance.voice.name]
    if utterance.pitch != 1.0:
        options += ["--setf", f"int_f0_target_mean={base * utterance.pitch:.1f}"]
    return ["flite", "-voice", utterance.voice.name, *options, "-t", utterance.text, "-o", str(target)]


def _espeak_command(utterance: Utterance, target: Path) -> list[str]:
    voice = utterance.voice.name + (f"+{utterance.variant}" if utterance.variant else "")
    speed, pitch = round(160 / _pace(utterance)), round(min(90, max(10, 50 + 110 * (utterance.pitch - 1))))
    return ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(target), utterance.text]


def _festival(utterances: Sequence[Utterance], targets: Sequence[Path]) -> None:
    lines = [f"(voice_{utterances[0].voice.name})"]
    for utterance, target in zip(utterances, targets, strict=True):
        text = utterance.text.replace("\\", "").replace('"', "")
        lines += [
            f"(Parameter.set 'Duration_Stretch {_pace(utterance):.3f})",
            # `eval` makes the text a literal; a bare variable would have its name spoken.
            f"(set! spoken (eval (list 'Utterance 'Text \"{text}\")))",
            "(utt.synth spoken)",
            f'(utt.save.wave spoken "{target}" \'riff)',
        ]
    script = targets[0].with_name("batch.scm")
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _run(["festival", "-b", str(script)], utterances[0].voice)


def _pace(utterance: Utterance) -> float:
    """The duration to ask for, since the longer tract stretches what comes."""
    return utterance.stretch / utterance.tract


def _run(command: list[str], voice: Voice) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[:1] or ["no message"]
        raise SynthesisError(
            f"{voice} failed with exit code {done.returncode}: {reason[0].rstrip('.')}; if a voice is missing, "
            f"{_installation([voice.engine])}"
        )


def _load(path: Path, utterance: Utterance) -> NDArray[np.int16]:
    if not path.exists():
        raise SynthesisError(f"{utterance.voice} made no sound of {utterance.text!r}")
    samples, rate = soundfile.read(path, dtype="float32")
    samples = soxr.resample(samples, rate, SAMPLE_RATE * utterance.tract)
    trimmed = trim_silence(samples)
    if len(trimmed) < SAMPLE_RATE // 10:
        raise SynthesisError(f"{utterance.voice} made no sound of {utterance.text!r}")
    peak = float(np.abs(trimmed).max())
    return np.asarray(np.round(trimmed * (0.7 / peak) * 32767), dtype=np.int16)


def trim_silence(samples: NDArray[np.float32], *, keep: float = 0.04) -> NDArray[np.float32]:
    """Cut leading and trailing parts more than 40 dB below the peak, leaving `keep` seconds of them."""
    hop = SAMPLE_RATE // 100
    frames = np.abs(samples[: len(samples) // hop * hop]).reshape(-1, hop).max(axis=1, initial=0)
    loud = np.flatnonzero(frames > 0.01 * frames.max(initial=0))
    if not len(loud):
        return samples[:0]
    margin = int(keep * SAMPLE_RATE)
    return samples[max(0, loud[0] * hop - margin) : (loud[-1] + 1) * hop + margin]
