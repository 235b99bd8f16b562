"""How good a checkpoint is: the figures of `make bench-quality`, measured part by part. Knows no command line.

Speech comes from `speech_sets`, real noise, rooms and recordings from a folder that need not be there.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.recording import Recording
from s2t2_live.evaluation.bleu import corpus_bleu, corpus_chrf
from s2t2_live.evaluation.calibration import is_right
from s2t2_live.evaluation.logistic import area_under_curve
from s2t2_live.evaluation.sounds import SOUNDS
from s2t2_live.evaluation.speech_sets import (
    far_sentences,
    held_out_phrases,
    known_sentences,
    natural_sentences,
    reserved,
    speak_set,
    spread,
)
from s2t2_live.live.events import UNCERTAIN, Event, Final, Partial
from s2t2_live.live.guards import token_budget
from s2t2_live.live.session import EngineSettings, Session
from s2t2_live.live.translation import SpeechTranslationModel
from s2t2_live.training.phrase_book import Phrase, PhraseBook
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.speech import Example
from s2t2_live.training.voices import RESERVED_VOICES, Voice

Samples = NDArray[np.float32]
Change = Callable[[Samples, int], Samples]

BEAMS = {"greedy": 1, "beam_5": 5}
RESAMPLES = 1000
SOUND_SECONDS = 60
NOISE_DB = 10.0
"""Of the speech above the noise."""
THREADS = 2
TIMED = 40
"""Utterances that the real-time factor is measured on."""
REAL_SPEECH = ("jfk.flac", "read_speech_*.wav")
"""Recordings of people who say what the phrase book does not have."""


@dataclass(frozen=True, slots=True)
class Translated:
    """One utterance and what became of it."""

    example: Example
    said: dict[str, str]
    """By the names of `BEAMS`."""
    confidence: float | None
    """Of the wider search."""


@dataclass(slots=True)
class Heard:
    """A sink that keeps the finals, and all texts that were ever shown."""

    finals: list[Final] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        if isinstance(event, Final):
            self.finals.append(event)
        if isinstance(event, Final | Partial) and event.text.strip():
            self.shown.append(event.text)

    def close(self) -> None:
        """Nothing is held back."""


class Quality:
    """The parts, each measured when it is asked for; utterances are translated once."""

    def __init__(
        self,
        checkpoint: str,
        *,
        cache: Path,
        speech: Path,
        recordings: Path,
        phrases: int,
        workers: int,
    ) -> None:
        """`speech` is what training heard, where it is there; `recordings` the real noise, rooms and speech."""
        self.model = SpeechTranslationModel.load(
            checkpoint, device="cpu", precision="fp32", threads=workers, offline=True
        )
        self._cache, self._speech, self._recordings = cache, speech, recordings
        self._phrases, self._workers = phrases, workers

    @cached_property
    def heard(self) -> list[Translated]:
        """Held-out phrases by the voices of the training."""
        return self._translate("heard", self._spoken("heard", spread(self._held_out)))

    @cached_property
    def reserved(self) -> list[Translated]:
        """The same phrases, each by every reserved voice."""
        return self._translate("reserved", self._reserved_speech)

    @cached_property
    def natural(self) -> list[Translated]:
        """Sentences written for the measurement, each by every reserved voice."""
        return self._translate("natural", self._natural_speech)

    @cached_property
    def noisy(self) -> list[Translated]:
        """The same with real noise in a real room."""
        rooms = [centred(_read(path)) for path in sorted(self._recordings.glob("room_*.wav"))]
        noises = [_read(path) for path in sorted(self._recordings.glob("noise_*.wav"))]
        return self._translate("noisy", self._natural_speech, lambda samples, i: degraded(samples, rooms, noises, i))

    @cached_property
    def far(self) -> list[Translated]:
        """Sentences of far topics, each by every reserved voice."""
        speech = self._spoken("far", reserved(far_sentences("measure")))
        return self._translate("far", speech, searches=("beam_5",))

    @cached_property
    def _held_out(self) -> Sequence[Phrase]:
        book = PhraseBook.load(asset("phrase_book"))
        return held_out_phrases(book, self._phrases, known=known_sentences(self._speech))

    @cached_property
    def _reserved_speech(self) -> SpeechShards:
        return self._spoken("reserved", reserved(self._held_out))

    @cached_property
    def _natural_speech(self) -> SpeechShards:
        # They stand topic by topic, so fewer of them are taken at even distances.
        sentences = natural_sentences()
        count = min(self._phrases, len(sentences))
        return self._spoken("natural", reserved([sentences[i * len(sentences) // count] for i in range(count)]))

    def _spoken(self, name: str, groups: dict[Voice, list[Phrase]]) -> SpeechShards:
        return speak_set(self._cache, name, groups, workers=self._workers)

    def _translate(
        self, name: str, speech: SpeechShards, change: Change | None = None, *, searches: Sequence[str] = tuple(BEAMS)
    ) -> list[Translated]:
        found = []
        for index, example in enumerate(tqdm(speech.examples, desc=name, unit="phrase")):
            samples = speech.audio(index)
            if change is not None:
                samples = change(samples, index)
            said, confidence = {}, None
            for beams in searches:
                hypothesis = self.model.translate(samples, (), beam_size=BEAMS[beams], max_tokens=_budget(samples))
                said[beams] = self.model.text(hypothesis.tokens)
                confidence = hypothesis.confidence
            found.append(Translated(example, said, confidence))
        return found

    def sounds(self) -> dict[str, dict[str, float]]:
        """What the live engine says about sounds without speech, and in how many segments the detector found any."""
        real = sorted(self._recordings.glob("noise_*.wav"))
        made = {name: sound(SOUND_SECONDS * SAMPLE_RATE) for name, sound in SOUNDS.items()}
        if real:
            joined = np.concatenate([_read(path) for path in real])
            made["real noise"] = np.resize(joined, SOUND_SECONDS * SAMPLE_RATE)
        return {name: self._engine(samples) for name, samples in tqdm(made.items(), desc="sounds", unit="minute")}

    def _engine(self, samples: Samples) -> dict[str, float]:
        with tempfile.TemporaryDirectory(prefix="quality-") as folder:
            path = Path(folder) / "sound.wav"
            soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
            heard = self._replay(path)
        return {
            "seconds": len(samples) / SAMPLE_RATE,
            "segments": len(heard.finals),
            "captions": sum(bool(final.text) for final in heard.finals),
            "texts_shown": len(heard.shown),
        }

    def _replay(self, path: Path) -> Heard:
        heard = Heard()
        session = Session(Recording(path, pace="max"), self.model, settings=EngineSettings(), sinks=[heard])
        session.start()
        session.wait()
        if session.error is not None:
            raise session.error
        return heard

    def speed(self) -> dict[str, float]:
        """Computing time of finals for each second of audio, beam 5, on two threads; and that of all cores together."""
        before = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        speech = self._reserved_speech
        audio = seconds = cores = 0.0
        for index in range(0, len(speech), max(1, len(speech) // TIMED)):
            samples = speech.audio(index)
            begin, used = time.perf_counter(), time.process_time()
            self.model.translate(samples, (), beam_size=BEAMS["beam_5"], max_tokens=_budget(samples))
            seconds += time.perf_counter() - begin
            cores += time.process_time() - used
            audio += len(samples) / SAMPLE_RATE
        torch.set_num_threads(before)
        return {
            "real_time_factor": seconds / audio,
            "processor_factor": cores / audio,
            "audio": audio,
            "threads": THREADS,
        }

    def confidence(self) -> dict[str, float | None]:
        """Shares below the threshold, in percent: of right held-out phrases, of wrong ones, and of far speech."""
        near = [*self.heard, *self.reserved]
        right = [one for one in near if is_right(one.said["beam_5"], one.example.german)]
        wrong = [one for one in near if not is_right(one.said["beam_5"], one.example.german)]
        real = [
            final
            for pattern in REAL_SPEECH
            for path in sorted(self._recordings.glob(pattern))
            for final in self._replay(path).finals
        ]
        unheard = [one for one in right if one.example.voice in map(str, RESERVED_VOICES)]
        far = [one.confidence for one in self.far]
        known = [np.array([_known(one.confidence) for one in group]) for group in (right, self.far)]
        return {
            "threshold": UNCERTAIN,
            "right": len(right),
            "right_below": _below([one.confidence for one in right]),
            "right_reserved_below": _below([one.confidence for one in unheard]),
            "wrong_below": _below([one.confidence for one in wrong]),
            "far_below": _below(far),
            "real": len(real),
            "real_below": _below([final.confidence for final in real]),
            "far_and_real_below": _below([*far, *(final.confidence for final in real)]),
            "area_under_curve": area_under_curve(*known) if right else None,
        }


def failures(translated: Sequence[Translated], count: int) -> list[dict[str, Any]]:
    """Wrong translations that the model was surest of, beam 5, no sentence twice."""
    wrong = [one for one in translated if not is_right(one.said["beam_5"], one.example.german)]
    wrong.sort(key=lambda one: -_known(one.confidence))
    first = {one.example.english: one for one in reversed(wrong)}
    chosen = sorted(first.values(), key=lambda one: -_known(one.confidence))[:count]
    return [
        {
            "english": one.example.english,
            "reference": one.example.german,
            "said": one.said["beam_5"],
            "voice": one.example.voice,
            "confidence": one.confidence,
        }
        for one in chosen
    ]


def scores(translated: Sequence[Translated]) -> dict[str, dict[str, Any]]:
    """Of each search: BLEU with its 95 % interval, chrF and exact matches, in all, by topic and by voice."""
    return {
        beams: {
            **_scores(translated, beams, RESAMPLES),
            "by_topic": _grouped(translated, beams, lambda one: one.example.topic),
            "by_voice": _grouped(translated, beams, lambda one: one.example.voice),
        }
        for beams in BEAMS
    }


def _grouped(
    translated: Sequence[Translated], beams: str, key: Callable[[Translated], str]
) -> dict[str, dict[str, Any]]:
    names = sorted({key(one) for one in translated})
    return {name: _scores([one for one in translated if key(one) == name], beams) for name in names}


def _scores(translated: Sequence[Translated], beams: str, resamples: int = 1) -> dict[str, Any]:
    said = [one.said[beams] for one in translated]
    meant = [one.example.german for one in translated]
    bleu, chrf = corpus_bleu(said, meant, resamples=resamples), corpus_chrf(said, meant)
    exact = sum(one == other for one, other in zip(said, meant, strict=True))
    found = {"utterances": len(said), "bleu": bleu.score, "chrf": chrf.score, "exact": 100 * exact / len(said)}
    if resamples > 1:
        found |= {"bleu_interval": bleu.spread or 0.0}
    return found


def signatures() -> dict[str, str]:
    """What others need to compare with the scores."""
    bleu = corpus_bleu(["a"], ["a"], resamples=RESAMPLES)
    return {"bleu": bleu.signature, "chrf": corpus_chrf(["a"], ["a"]).signature}


def degraded(samples: Samples, rooms: Sequence[Samples], noises: Sequence[Samples], index: int) -> Samples:
    """Speech in one of the rooms with one of the noises, at `NOISE_DB`; `index` says which, and which part."""
    room = rooms[index % len(rooms)].astype(np.float64)
    direct = int(np.abs(room).argmax())
    reverberant = np.convolve(samples, room / np.sqrt((room**2).sum()))[direct : direct + len(samples)]
    noise = noises[index // len(rooms) % len(noises)]
    start = index * 7919 % len(noise)
    part = np.resize(np.roll(noise, -start), len(samples)).astype(np.float64)
    ratio = reverberant.std() / max(float(part.std()), 1e-9) * 10 ** (-NOISE_DB / 20)
    mixed = reverberant + part * ratio
    return np.asarray(mixed / max(1.0, float(np.abs(mixed).max())), dtype=np.float32)


def centred(room: Samples) -> Samples:
    """A room's response without its recorder's constant offset, which would make a drift of all that is said there.

    That drift can be louder than the voice, and noise at `NOISE_DB` below both is not at `NOISE_DB` below the voice.
    """
    return np.asarray(room - room.mean(), dtype=np.float32)


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(1), rate, SAMPLE_RATE), dtype=np.float32)


def _budget(samples: Samples) -> int:
    return token_budget(len(samples) / SAMPLE_RATE)


def _known(confidence: float | None) -> float:
    """Nothing said about an utterance is no confidence."""
    return 0.0 if confidence is None else confidence


def _below(confidences: Sequence[float | None]) -> float | None:
    """Percent below the threshold; None of nothing."""
    if not confidences:
        return None
    return 100 * sum(_known(one) < UNCERTAIN for one in confidences) / len(confidences)
