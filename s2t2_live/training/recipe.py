"""The recipe of the shipped checkpoint, one function a step; the folder of the run is all they share.

`speech/`, `heard/` and `reserved/` hold the voices, `vocabulary/` the German pieces, `run/` the state and its history.
Knows no flags.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from s2t2_live.assets import asset
from s2t2_live.errors import S2T2Error
from s2t2_live.live.equalizer import Equalizer
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.hub import resolve_model_folder
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training.alignment import align_shards
from s2t2_live.training.batches import BatchSettings
from s2t2_live.training.bpe import save_vocabulary
from s2t2_live.training.checkpoint import load_checkpoint
from s2t2_live.training.curve import plot_history
from s2t2_live.training.demo_model import demo_config, freeze_filters, new_demo_model
from s2t2_live.training.display import TrainingDisplay, nothing_to_do
from s2t2_live.training.ears import Ears
from s2t2_live.training.export import export
from s2t2_live.training.growth import deepened, fit_head
from s2t2_live.training.inference import usable_device
from s2t2_live.training.loop import Trainer, TrainingSettings
from s2t2_live.training.memory import keep_freed_memory
from s2t2_live.training.phrase_book import PhraseBook
from s2t2_live.training.progress import Listeners
from s2t2_live.training.scores import Translated, as_json, silent_share, tables, translate_all
from s2t2_live.training.shards import SpeechShards
from s2t2_live.training.synthesis import check_topics, synthesize_evaluation, synthesize_training
from s2t2_live.training.targets import TextEncoder
from s2t2_live.training.voices import RESERVED_VOICES

MEASURED = 300
"""Utterances that the long-term spectrum of the training's voices is measured on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One run."""

    work: Path
    workers: int = 1
    """Processes of the synthesis, threads of the arithmetic."""
    topics: Collection[str] = ()
    """Of the phrase book; all if empty."""
    device: str = "cpu"
    merges: int = 1500
    """Of a new vocabulary."""
    minutes: float = 120.0
    """Of training, in all."""
    rate: float = 8e-4
    """Peak learning rate."""
    batch: float = 96.0
    """Seconds of audio."""
    prefixes: float = 0.15
    """Share of the utterances that are cut off, once they are aligned."""
    teacher: str | None = None
    """A checkpoint: what it makes of clean speech the model learns to make of the same speech in rooms and noise."""

    def synthesize(self, shards: range, *, whole: float) -> None:
        """Speak training shards; `whole` is the share of whole sentences of the phrase book."""
        synthesize_training(
            PhraseBook.load(asset("phrase_book")),
            self.work / "speech",
            shards=shards,
            sentence_share=whole,
            topics=self.topics,
            workers=self.workers,
        )

    def synthesize_evaluation(self, phrases: int) -> None:
        """Speak so many held-out phrases a voice, none that training has heard."""
        speech = self.work / "speech"
        known = {example.english for example in SpeechShards(speech).examples} if speech.exists() else set()
        book = PhraseBook.load(asset("phrase_book"))
        for voices in ("heard", "reserved"):
            synthesize_evaluation(
                book,
                self.work / voices,
                phrases=phrases,
                workers=self.workers,
                voices=voices,
                known=known,
                topics=self.topics,
            )

    def begin(self, checkpoint: str) -> None:
        """Begin a run with the weights of a checkpoint, in the recipe's model, which may have more layers.

        Raises S2T2Error where a run has begun already, ModelError when the checkpoint cannot become that model.
        """
        run, vocabulary = self.work / "run", self.work / "vocabulary"
        for path in (run / "state.pt", vocabulary / "vocab.json"):
            if path.exists():
                raise S2T2Error(f"{path} is there already: a run has begun; go on with `train`, or move it away.")
        speech = SpeechShards(self.work / "speech", topics=self.topics)
        source = load_checkpoint(checkpoint)
        if source.ears.equalizer is not None:
            run.mkdir(parents=True, exist_ok=True)
            source.ears.equalizer.save(run)
        model = freeze_filters(deepened(source.model, demo_config(len(source.processor.tokenizer))))
        trainer = self._trainer(model, source.text)
        fit_head(trainer, speech)
        # Last, so that a beginning that was interrupted has not begun.
        vocabulary.mkdir(parents=True, exist_ok=True)
        folder = resolve_model_folder(checkpoint)
        for name in ("vocab.json", "merges.txt"):
            shutil.copyfile(folder / name, vocabulary / name)
        trainer.save()

    def train(self, *, until: float | None = None) -> None:
        """Train, or go on training, to the last minute or `until` so many."""
        speech = SpeechShards(self.work / "speech", topics=self.topics)
        validation = SpeechShards(self.work / "heard", held_out=True)
        print(f"{speech.seconds / 3600:.1f} h of speech", file=sys.stderr)
        if missing := set(self.topics) - {example.topic for example in speech.examples}:
            print(f"no speech of the topics {', '.join(sorted(missing))} is there", file=sys.stderr)
        if self.prefixes and not speech.timings:
            print("no speech is aligned yet: whole utterances only; see the step `align`", file=sys.stderr)
        last = self.minutes if until is None else until
        with closing(TrainingDisplay(minutes=last)) as display:
            trainer = self.trainer(display.listeners())
            if why := nothing_to_do(trainer.progress, minutes=last):
                print(why, file=sys.stderr)
            trainer.train(speech, validation, until=last)
        if (history := trainer.folder / "history.jsonl").exists():
            plot_history(history, trainer.folder / "history.png")

    def align(self) -> None:
        """Find out when each word of the training speech is said.

        Raises S2T2Error when there is no trained model yet.
        """
        if not (self.work / "run" / "state.pt").exists():
            raise S2T2Error(f"{self.work / 'run'} holds no trained model to align with; train one first")
        aligned, failed = align_shards(self.trainer(), self.work / "speech")
        print(f"{aligned} utterances aligned, {failed} without a likely alignment", file=sys.stderr)

    def evaluate(self, beams: Sequence[int], checkpoint: str | None = None) -> None:
        """Print scores of the held-out speech by voice and topic, the last line as JSON.

        Of a checkpoint by its name, folder or hub id, or of the run as it is.
        """
        if checkpoint is None:
            translator = self.trainer().translator
        else:
            torch.set_num_threads(self.workers)
            loaded = load_checkpoint(checkpoint)
            loaded.model.to(usable_device(self.device))
            translator = loaded.translator
        sets = [SpeechShards(self.work / "heard", held_out=True)]
        sets += [SpeechShards(self.work / "reserved", voice.name, held_out=True) for voice in RESERVED_VOICES]
        results = {}
        for size in beams:
            translated: list[Translated] = []
            for group, speech in zip(("heard", *map(str, RESERVED_VOICES)), sets, strict=True):
                found = translate_all(translator, speech, beams=size)
                translated += [replace(one, voice=group) for one in found]
            print(f"beam size {size}\n{tables(translated)}", flush=True)
            results[str(size)] = as_json(translated)
        quiet = silent_share(translator)
        print(f"no text on {100 * quiet:.0f} % of the sounds without words")
        print(json.dumps({**results, "silent": quiet}, ensure_ascii=False))

    def export(self, folder: Path) -> None:
        """Write the checkpoint."""
        trainer = self.trainer()
        size = export(trainer.model, self.work / "vocabulary", folder, trainer.ears.equalizer)
        print(f"{folder}: {size / 1e6:.1f} MB", file=sys.stderr)

    def everything(self, folder: Path, shards: range, *, whole: float, phrases: int) -> None:
        """From the text to a folder that ships; what is already done is not done again."""
        check_topics(PhraseBook.load(asset("phrase_book")), self.topics, held_out=True)
        self.synthesize(shards, whole=whole)
        if not (self.work / "reserved" / f"{RESERVED_VOICES[-1].name}.jsonl").exists():
            self.synthesize_evaluation(phrases)
        # The alignment needs a model that can hear, so the beginnings come into the second half alone.
        self.train(until=self.minutes / 2)
        self.align()
        self.train()
        self.evaluate((1, 5))
        self.export(folder)

    def trainer(self, listeners: Listeners | None = None) -> Trainer:
        """The run with its last state, or a new one."""
        vocabulary = self.work / "vocabulary"
        if not (vocabulary / "vocab.json").exists():
            # The whole sentences alone: they are written in ordinary German, in which no template repeats itself.
            sentences = PhraseBook.load(asset("phrase_book")).sentences()
            size = save_vocabulary(vocabulary, [phrase.german for phrase in sentences], merges=self.merges)
            print(f"vocabulary of {size} pieces in {vocabulary}", file=sys.stderr)
        tokenizer = Speech2Text2Tokenizer(str(vocabulary / "vocab.json"), merges_file=str(vocabulary / "merges.txt"))
        if (self.work / "run" / "state.pt").exists():
            model = freeze_filters(SpeechEncoderDecoderModel(demo_config(len(tokenizer))))
        else:
            speech = SpeechShards(self.work / "speech")
            sample = torch.cat([torch.from_numpy(speech.audio(index)) for index in range(min(200, len(speech)))])
            model = new_demo_model(len(tokenizer), (sample - sample.mean()) / sample.std())
        return self._trainer(model, TextEncoder(tokenizer), listeners)

    def _trainer(
        self, model: SpeechEncoderDecoderModel, text: TextEncoder, listeners: Listeners | None = None
    ) -> Trainer:
        keep_freed_memory()
        torch.set_num_threads(self.workers)
        settings = TrainingSettings(
            minutes=self.minutes,
            peak_learning_rate=self.rate,
            muon=True,
            batches=BatchSettings(seconds=self.batch, prefixes=self.prefixes),
        )
        return Trainer(
            model,
            text,
            self.work / "run",
            settings,
            device=self.device,
            ears=self._ears(),
            teacher=None if self.teacher is None else load_checkpoint(self.teacher).model,
            listeners=listeners,
        )

    def _ears(self) -> Ears:
        """Those of the run, which are fixed when it begins."""
        folder = self.work / "run"
        equalizer = Equalizer.load(folder)
        if equalizer is None:
            speech = SpeechShards(self.work / "speech")
            step = -(-len(speech) // MEASURED)
            equalizer = Equalizer.measured(speech.audio(index) for index in range(0, len(speech), step))
            folder.mkdir(parents=True, exist_ok=True)
            equalizer.save(folder)
        return Ears(equalizer)
