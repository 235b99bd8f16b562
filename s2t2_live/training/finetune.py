"""Fine-tuning of any Speech2Text2 checkpoint on a user's own speech, and scores of a checkpoint on it.

The output folder is the best checkpoint so far; `run/` in it holds the state, the history and its plot. Knows no flags.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from s2t2_live.training.augmentation import AugmentationSettings
from s2t2_live.training.batches import BatchSettings
from s2t2_live.training.checkpoint import load_checkpoint
from s2t2_live.training.corpus import Corpus, CorpusError, read_corpus
from s2t2_live.training.curve import plot_history
from s2t2_live.training.display import TrainingDisplay, nothing_to_do
from s2t2_live.training.inference import usable_device
from s2t2_live.training.loop import Trainer, TrainingSettings
from s2t2_live.training.memory import keep_freed_memory
from s2t2_live.training.scores import as_json, tables, translate_all
from s2t2_live.training.targets import TextEncoder

LARGEST_HELD_OUT = 500
"""Rows that are taken for evaluation where no others are given, one in twenty of all but not more."""


@dataclass(frozen=True, slots=True)
class FineTuning:
    """One fine-tuning."""

    model: str
    """The shipped model's name, a folder, or a hub id."""
    data: Path
    output: Path
    dev: Path | None = None
    """Table or folder to evaluate on; None takes some rows out of `data`."""
    audio: Path | None = None
    """Folder of the audio that tables name."""
    minutes: float = 600.0
    rate: float = 1e-4
    """Peak learning rate."""
    batch: float = 60.0
    """Seconds of audio."""
    patience: int = 5
    evaluate_every: float = 10.0
    """Minutes."""
    device: str = "cpu"
    threads: int | None = None

    def run(self) -> None:
        """Train, or go on with the training, until the dev set gets no better or the minutes are used up."""
        keep_freed_memory()
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        speech, validation = self._speech()
        checkpoint = load_checkpoint(self.model)
        model, text = checkpoint.model, checkpoint.text
        _warn_of_unknown(text, speech)
        english = speech.has_english and validation.has_english
        print(
            f"{len(speech)} utterances, {speech.seconds / 3600:.2f} h, to learn from, {len(validation)} to evaluate on"
            + ("" if english else "; not all have English text, so there is no CTC"),
            file=sys.stderr,
        )
        model.freeze_feature_encoder()
        settings = TrainingSettings(
            minutes=self.minutes,
            peak_learning_rate=self.rate,
            final_learning_rate=self.rate / 20,
            warm_up=100,
            cool_down=min(25.0, self.minutes / 4),
            ctc_weight=0.3 if english else 0.0,
            augmentation_ramp=0.0,
            evaluate_every=self.evaluate_every,
            evaluate_seconds=math.inf,
            patience=self.patience,
            batches=BatchSettings(seconds=self.batch, joined=0.0, speed=0.1, silence=0.3),
            # Real recordings bring rooms and noises of their own.
            augmentation=AugmentationSettings(equalizer=0.3, reverberation=0.1, telephone=0.05, noise=0.3, dropout=0.1),
        )
        with closing(TrainingDisplay(minutes=self.minutes)) as display:
            trainer = Trainer(
                model,
                text,
                self.output / "run",
                settings,
                device=self.device,
                masked=checkpoint.masked,
                ears=checkpoint.ears,
                listeners=display.listeners(improved=lambda: checkpoint.save(self.output)),
            )
            if why := nothing_to_do(trainer.progress, minutes=self.minutes, patience=self.patience):
                _say(why)
            trainer.train(speech, validation)
        progress = trainer.progress
        if progress.best >= 0:
            best = f"BLEU {progress.best:.2f}, the best in {progress.minutes:.0f} minutes of training"
            print(f"{self.output}: {best}", file=sys.stderr)
        if (history := trainer.folder / "history.jsonl").exists():
            plot_history(history, trainer.folder / "history.png")

    def _speech(self) -> tuple[Corpus, Corpus]:
        speech = read_corpus(self.data, audio=self.audio, say=_say)
        if self.dev is not None:
            return speech, read_corpus(self.dev, audio=self.audio, say=_say)
        if len(speech) < 2:
            raise CorpusError(f"{self.data} has one usable row; there must be one to learn from and one to evaluate on")
        return speech.split(min(LARGEST_HELD_OUT, max(1, len(speech) // 20)))


def evaluate_checkpoint(
    name: str, data: Path, *, audio: Path | None, beams: Sequence[int], device: str, threads: int | None
) -> None:
    """Print a checkpoint's scores on a table or folder, the last line as JSON."""
    if threads is not None:
        torch.set_num_threads(threads)
    speech = read_corpus(data, audio=audio, say=_say)
    checkpoint = load_checkpoint(name)
    checkpoint.model.to(usable_device(device))
    results = {}
    for size in beams:
        found = translate_all(checkpoint.translator, speech, beams=size)
        print(f"beam size {size}\n{tables(found)}", flush=True)
        results[str(size)] = as_json(found)
    print(json.dumps(results, ensure_ascii=False))


def _warn_of_unknown(text: TextEncoder, speech: Corpus) -> None:
    unknown = text.tokenizer.unk_token_id
    rows = [i for i, example in enumerate(speech.examples) if unknown in text.encode(example.german)]
    if rows:
        _say(
            f"{len(rows)} of {len(speech)} translations have characters that the model cannot write; "
            f"the first is {speech.rows[rows[0]].place}"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr)
