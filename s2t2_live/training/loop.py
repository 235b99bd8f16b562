"""The training loop: any speech encoder-decoder, cross-entropy on the translation and CTC on the English.

Resumable at any moment from its last saved state. Knows neither where the speech comes from nor how models are built.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from s2t2_live.errors import CheckpointError
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.training.arithmetic import bfloat16_pays
from s2t2_live.training.augmentation import Augmentation, AugmentationSettings
from s2t2_live.training.batches import IGNORED, Batch, BatchSettings, evaluation_batches, training_batches
from s2t2_live.training.ctc import CTCHead
from s2t2_live.training.ears import Ears
from s2t2_live.training.inference import Translator, sample_mask, usable_device
from s2t2_live.training.optimizers import hidden_matrices, optimizers
from s2t2_live.training.progress import Listeners, Progress
from s2t2_live.training.speech import Speech
from s2t2_live.training.targets import TextEncoder
from s2t2_live.training.teacher import WEIGHT as TEACHER_WEIGHT
from s2t2_live.training.teacher import Teacher, distance


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """One run. Times are minutes of training, pauses between resumed parts not counted."""

    minutes: float = 120.0
    peak_learning_rate: float = 1e-3
    final_learning_rate: float = 5e-5
    warm_up: int = 400
    """Updates."""
    cool_down: float = 25.0
    """Minutes at the end in which the rate falls; before, it is constant, so that a run can be lengthened later."""
    weight_decay: float = 0.01
    muon: bool = False
    """Matrices of hidden layers by Muon: fewer updates, each a little longer; all else, and otherwise all, by AdamW."""
    clip: float = 2.0
    """Largest gradient norm."""
    label_smoothing: float = 0.1
    ctc_weight: float = 1.0
    """0 where the English text is not known."""
    augmentation_ramp: float = 60.0
    """Minutes until augmentation has its full strength."""
    save_every: float = 3.0
    evaluate_every: float = 10.0
    evaluate_seconds: float = 400.0
    """Audio of the validation set that is looked at during training."""
    patience: int = 0
    """End after so many evaluations without a better BLEU, the first one before any training; 0 is never."""
    bf16: bool | None = None
    """Products in bfloat16; None is where they are much faster: on a GPU, and on a CPU that has instructions for it."""
    seed: int = 1
    batches: BatchSettings = field(default_factory=BatchSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)


class Trainer:
    """Owns the model, the CTC head, the optimiser and their state on disk."""

    def __init__(
        self,
        model: SpeechEncoderDecoderModel,
        text: TextEncoder,
        folder: Path,
        settings: TrainingSettings,
        *,
        device: str = "cpu",
        masked: bool = True,
        ears: Ears | None = None,
        teacher: SpeechEncoderDecoderModel | None = None,
        listeners: Listeners | None = None,
    ) -> None:
        """Prepare a run in `folder`; when it holds a `state.pt`, go on from there.

        `masked` says whether the encoder is told where padding begins; some were trained without. `ears` even nothing
        out unless others are given. A `teacher` hears the same before it is changed; the model learns to come to its
        states.

        Raises UsageError for a device that is not there, CheckpointError for a state of another model, ModelError for a
        teacher of other states.
        """
        torch.manual_seed(settings.seed)
        self.model = model.to(usable_device(device))
        self.text = text
        self.folder = folder
        self.settings = settings
        self.device = torch.device(device)
        self.masked = masked
        self.half = bfloat16_pays(self.device) if settings.bf16 is None else settings.bf16
        self.listeners = listeners or Listeners()
        self.progress = Progress()
        self.ctc = CTCHead(model.config.decoder.d_model).to(device)
        self.ears = ears or Ears()
        self.augmentation = Augmentation(settings.augmentation)
        self.teacher = None if teacher is None else Teacher(teacher, self.model)
        self.parameters = [p for p in (*model.parameters(), *self.ctc.parameters()) if p.requires_grad]
        hidden = hidden_matrices(model) if settings.muon else []
        self.optimizers = optimizers(
            self.parameters, hidden, settings.peak_learning_rate, settings.weight_decay, half=self.half
        )
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            self._resume()

    @property
    def state_path(self) -> Path:
        return self.folder / "state.pt"

    @property
    def translator(self) -> Translator:
        return Translator(self.model, self.text, self.masked, self.ears)

    def learning_rate(self) -> float:
        """Linear warm-up over updates, the peak, then a cosine over the last minutes down to the final rate."""
        settings, progress = self.settings, self.progress
        cool_down = max(1e-9, min(settings.cool_down, settings.minutes))
        fraction = min(1.0, max(0.0, 1 - (settings.minutes - progress.minutes) / cool_down))
        cosine = 0.5 * (1 + math.cos(math.pi * fraction))
        rate = settings.final_learning_rate + (settings.peak_learning_rate - settings.final_learning_rate) * cosine
        return rate * min(1.0, (progress.updates + 1) / settings.warm_up)

    def train(self, speech: Speech, validation: Speech, *, until: float | None = None) -> None:
        """Train until the minutes are used up, or `until` so many are, saving and evaluating on the way.

        An interruption saves first what was learned.
        """
        try:
            self._train(speech, validation, self.settings.minutes if until is None else until)
        finally:
            self.save()

    def _train(self, speech: Speech, validation: Speech, until: float) -> None:
        settings, progress = self.settings, self.progress
        if settings.patience and progress.best < 0:
            self._record(self.evaluate(validation))
        next_save = progress.minutes + settings.save_every
        next_evaluation = progress.minutes + settings.evaluate_every
        losses: list[Tensor] = []
        started = last = time.monotonic()
        heard = 0.0
        batches = self._stream(speech)
        while progress.minutes < until and not 0 < settings.patience <= progress.stale:
            batch = next(batches)
            losses.append(self._update(batch))
            heard += batch.seconds
            now = time.monotonic()
            progress.minutes += (now - last) / 60
            last = now
            progress.updates += 1
            progress.heard += batch.seconds / 3600
            self.listeners.advance(progress)
            if progress.updates % 100 == 0:
                means = torch.stack(losses).mean(0).tolist()
                names = ("cross_entropy", "ctc", *(("distance",) if self.teacher else ()))
                losses.clear()
                self.listeners.report(
                    {
                        **asdict(progress),
                        **dict(zip(names, means, strict=True)),
                        "learning_rate": self.learning_rate(),
                        "speed": heard / (now - started),
                        "remaining": until - progress.minutes,
                    }
                )
            if progress.minutes >= next_save:
                self.save()
                next_save = progress.minutes + settings.save_every
            if progress.minutes >= next_evaluation and progress.minutes < until:
                self._record(self.evaluate(validation))
                next_evaluation = progress.minutes + settings.evaluate_every
                last = time.monotonic()
        # Here, so that a training that was interrupted in its last evaluation makes up for it.
        if progress.evaluated < progress.updates:
            self._record(self.evaluate(validation))

    def save(self) -> None:
        """Write the state atomically."""
        state = {
            "model": self.model.state_dict(),
            "ctc": self.ctc.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        partial = self.state_path.with_suffix(".part")
        try:
            torch.save(state, partial)
            os.replace(partial, self.state_path)
        finally:
            partial.unlink(missing_ok=True)

    def _resume(self) -> None:
        try:
            state = torch.load(self.state_path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.ctc.load_state_dict(state["ctc"])
            for optimizer, known in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(known)
            self.progress = Progress(**state["progress"])
        except (RuntimeError, UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CheckpointError(
                f"{self.state_path} is not a state of this model ({reason}); move it away or name another folder."
            ) from error

    def _stream(self, speech: Speech) -> Iterator[Batch]:
        """Batches without end; speech that has come meanwhile joins at the next epoch."""
        while True:
            epoch, skip = self.progress.epoch, self.progress.batch
            for batch in training_batches(
                speech, self.text, self.settings.batches, seed=self.settings.seed, epoch=epoch, skip=skip
            ):
                self.progress.batch += 1
                yield batch
            self.progress.epoch += 1
            self.progress.batch = 0
            speech.refresh()

    def _update(self, batch: Batch) -> Tensor:
        """One step of the optimiser; returns cross-entropy, CTC and, with a teacher, the distance from it."""
        settings = self.settings
        self.model.train()
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.progress.updates)
        strength = min(1.0, self.progress.minutes / settings.augmentation_ramp) if settings.augmentation_ramp else 1.0
        clean = batch.audio.to(self.device)
        with torch.no_grad():
            audio = self.augmentation(clean, batch.lengths, generator, strength)
            audio = self.ears(audio, batch.lengths, generator)
            clean = self.ears(clean, batch.lengths) if self.teacher else clean
        if not bool(torch.isfinite(audio).all()):  # One broken batch must not end the training.
            return torch.full((3 if self.teacher else 2,), torch.nan)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate()
        with self._arithmetic():
            logits, states, frames, labels = self._forward(audio, batch)
            ctc = self._ctc_loss(states, frames, batch)
            if self.teacher is not None:
                targets = self.teacher.states(clean, sample_mask(clean, batch, masked=self.masked))
        cross_entropy = F.cross_entropy(
            logits.float().flatten(0, 1),
            labels.flatten(),
            ignore_index=IGNORED,
            label_smoothing=settings.label_smoothing,
        )
        losses, loss = [cross_entropy, ctc], cross_entropy + settings.ctc_weight * ctc
        if self.teacher is not None:
            losses.append(distance(states, targets, frames))
            loss = loss + TEACHER_WEIGHT * losses[-1]
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        # One broken batch must not break the model.
        if torch.isfinite(nn.utils.clip_grad_norm_(self.parameters, settings.clip)):
            for optimizer in self.optimizers:
                optimizer.step()
        return torch.stack(losses).detach()

    @contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """The types of a step's products."""
        with ExitStack() as stack:
            stack.enter_context(torch.autocast(self.device.type, torch.bfloat16, enabled=self.half))
            if self.half and self.device.type == "cpu":
                # Attention of its own kernel takes no part in what bfloat16 wins: a tenth of the time of a step.
                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            yield

    def _forward(self, audio: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        labels = batch.labels.to(self.device)
        output = self.model(inputs=audio, attention_mask=sample_mask(audio, batch, masked=self.masked), labels=labels)
        frames = self.model.encoder.frame_lengths(batch.lengths).to(self.device)
        return output.logits, output.encoder_last_hidden_state, frames, labels

    def _ctc_loss(self, states: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        if not self.settings.ctc_weight:
            return states.new_zeros((), dtype=torch.float32)
        return self.ctc.loss(states, frames, batch.characters.to(self.device), batch.character_lengths.to(self.device))

    def head_loss(self, batch: Batch) -> Tensor:
        """CTC loss of a batch as it is, with gradients for the head alone."""
        audio = self.ears(batch.audio.to(self.device), batch.lengths)
        with torch.no_grad(), self._arithmetic():
            _, states, frames, _ = self._forward(audio, batch)
        return self._ctc_loss(states.float(), frames, batch)

    @torch.no_grad()
    def evaluate(self, speech: Speech, *, beams: int = 1, whole: bool = False) -> dict[str, float]:
        """BLEU, exact matches, token accuracy and CTC loss on clean speech: all of it, or `evaluate_seconds` of it."""
        from s2t2_live.evaluation.bleu import corpus_bleu

        self.model.eval()
        translator = self.translator
        hypotheses: list[str] = []
        references: list[str] = []
        right = tokens = 0
        ctc: list[Tensor] = []
        seen = 0.0
        for batch, indices in evaluation_batches(speech, self.text, seconds=self.settings.batches.seconds):
            audio = self.ears(batch.audio.to(self.device), batch.lengths)
            logits, states, frames, labels = self._forward(audio, batch)
            ctc.append(self._ctc_loss(states, frames, batch))
            counted = labels != IGNORED
            right += int(((logits.argmax(-1) == labels) & counted).sum())
            tokens += int(counted.sum())
            hypotheses += translator(batch, beams=beams)
            references += [speech.examples[index].german for index in indices]
            seen += batch.seconds
            if seen >= self.settings.evaluate_seconds and not whole:
                break
        return {
            "bleu": corpus_bleu(hypotheses, references).score,
            "exact": 100 * sum(h == r for h, r in zip(hypotheses, references, strict=True)) / len(references),
            "token_accuracy": 100 * right / tokens,
            "validation_ctc": float(torch.stack(ctc).mean()),
        }

    def _record(self, scores: Mapping[str, float]) -> None:
        progress = self.progress
        better = scores["bleu"] > progress.best
        if better:
            # First: one that is interrupted here is evaluated again, and written then.
            self.listeners.improved()
        progress.best = max(progress.best, scores["bleu"])
        progress.stale = 0 if better else progress.stale + 1
        progress.evaluated = progress.updates
        line = {**asdict(progress), **scores}
        with (self.folder / "history.jsonl").open("a", encoding="utf-8") as history:
            history.write(json.dumps(line) + "\n")
        self.listeners.report(line)
