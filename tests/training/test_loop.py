"""The training loop, on tones instead of speech: each sentence is a melody."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from s2t2_live.errors import CheckpointError, ModelError, UsageError
from s2t2_live.live.equalizer import BANDS, Equalizer
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer
from s2t2_live.training import loop
from s2t2_live.training.augmentation import UNCHANGED
from s2t2_live.training.batches import BatchSettings, collate
from s2t2_live.training.bpe import save_vocabulary
from s2t2_live.training.demo_model import demo_config, new_demo_model
from s2t2_live.training.ears import Ears
from s2t2_live.training.export import export
from s2t2_live.training.inference import usable_device
from s2t2_live.training.loop import Trainer, TrainingSettings
from s2t2_live.training.progress import Listeners, Progress
from s2t2_live.training.shards import SpeechShards, write_shard
from s2t2_live.training.targets import TextEncoder
from s2t2_live.training.teacher import Teacher, distance
from s2t2_live.training.wordless import wordless_sound

MELODIES = {
    ("yes", "Ja."): (300, 300),
    ("no", "Nein."): (1200, 1200),
    ("good morning", "Guten Morgen."): (300, 2500),
    ("good night", "Gute Nacht."): (1200, 600),
}
SETTINGS = TrainingSettings(
    minutes=1000.0,
    warm_up=10,
    augmentation_ramp=0.0,
    batches=BatchSettings(seconds=5.0, joined=0.0, speed=0.02, silence=0.1, wordless=0.0),
    augmentation=replace(UNCHANGED, noise=0.75, babble=0, tones=0),
)


REPORTED = 100
"""Updates between two reports."""
PATIENCE = 800
"""Updates in which four melodies are learned, on any machine; most need 200."""


class Stopped(Exception):
    """Ends a training that has no other end."""


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> SpeechShards:
    folder = tmp_path_factory.mktemp("melodies")
    rng = np.random.default_rng(0)
    items = []
    for _ in range(20):
        for (english, german), tones in MELODIES.items():
            time = np.arange(8_000) / 16_000
            parts = [np.sin(2 * np.pi * hertz * rng.uniform(0.97, 1.03) * time) for hertz in tones]
            items.append(((np.concatenate(parts) * 12_000).astype(np.int16), english, german, "test", "tones"))
    write_shard(folder, "00000", items)
    return SpeechShards(folder)


def make_trainer(
    folder: Path, speech: SpeechShards, teacher: SpeechEncoderDecoderModel | None = None, **changes: Any
) -> Trainer:
    folder.mkdir(exist_ok=True)
    if not (folder / "vocab.json").exists():
        save_vocabulary(folder, [german for _, german in MELODIES], merges=40, alphabet="")
    tokenizer = Speech2Text2Tokenizer(str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"))
    sample = torch.from_numpy(speech.audio(0))
    model = new_demo_model(len(tokenizer), sample / sample.std(), encoder_layers=1)
    settings = TrainingSettings(**{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | changes)
    return Trainer(model, TextEncoder(tokenizer), folder / "run", settings, teacher=teacher)


def train_updates(trainer: Trainer, speech: SpeechShards, updates: int) -> None:
    def stop(line: Mapping[str, Any]) -> None:
        if trainer.progress.updates >= updates:
            raise Stopped

    trainer.listeners = Listeners(report=stop)
    with pytest.raises(Stopped):
        trainer.train(speech, speech)


@pytest.mark.slow
@pytest.mark.parametrize("muon", [False, True])
def test_it_learns_saves_goes_on_and_ships(muon: bool, speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech, muon=muon)
    before = trainer.evaluate(speech, whole=True)
    after = before
    while after["exact"] <= 85 and trainer.progress.updates < PATIENCE:
        train_updates(trainer, speech, trainer.progress.updates + REPORTED)
        after = trainer.evaluate(speech, whole=True)
    trainer.save()
    assert before["exact"] < 50 < 85 < after["exact"]
    assert after["validation_ctc"] < 0.5 * before["validation_ctc"]

    resumed = make_trainer(tmp_path, speech, muon=muon)
    assert len(resumed.optimizers) == 1 + muon
    assert resumed.progress.updates == trainer.progress.updates
    assert resumed.progress.heard == trainer.progress.heard
    assert resumed.evaluate(speech, whole=True)["exact"] == after["exact"]

    size = export(resumed.model, tmp_path, tmp_path / "shipped")
    assert 4e6 < size < 30e6
    shipped = SpeechEncoderDecoderModel.from_pretrained(tmp_path / "shipped").float().eval()
    resumed.model = shipped
    assert resumed.evaluate(speech, whole=True)["exact"] > 85


def test_learning_rate_warms_up_stays_and_falls_at_the_end(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech, minutes=100.0, cool_down=10.0)
    first = trainer.learning_rate()
    trainer.progress.updates = 10
    peak = trainer.learning_rate()
    trainer.progress.minutes = 89.0
    assert trainer.learning_rate() == peak
    trainer.progress.minutes = 95.0
    half = trainer.learning_rate()
    trainer.progress.minutes = 102.0
    assert first == pytest.approx(peak / 10)
    assert peak == pytest.approx(1e-3)
    assert half == pytest.approx((1e-3 + 5e-5) / 2)
    assert trainer.learning_rate() == pytest.approx(5e-5)


def test_the_filter_bank_stays_as_it_is(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech)
    convolution = trainer.model.encoder.feature_extractor.conv_layers[0].conv
    learned = {id(parameter) for parameter in trainer.parameters}
    assert not {id(parameter) for parameter in convolution.parameters()} & learned
    assert id(trainer.model.encoder.feature_extractor.conv_layers[1].conv.weight) in learned


def test_muon_takes_the_matrices_of_the_layers(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech, muon=True)
    adamw, muon = ([p for group in o.param_groups for p in group["params"]] for o in trainer.optimizers)
    assert sorted(map(id, (*adamw, *muon))) == sorted(map(id, trainer.parameters))
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    assert all(names[id(p)].endswith("weight") and p.ndim in (2, 3) for p in muon)
    assert not any("embed" in names[id(p)] or "norm" in names[id(p)] for p in muon)
    batch = next(trainer._stream(speech))
    before = [p.detach().clone() for p in trainer.parameters]
    trainer._update(batch)
    assert not any(torch.equal(one, other) for one, other in zip(before, trainer.parameters, strict=True))


def test_products_in_bfloat16_give_nearly_the_same_losses(speech: SpeechShards, tmp_path: Path) -> None:
    batch = next(make_trainer(tmp_path, speech)._stream(speech))
    losses = {}
    for half in (False, True):
        trainer = make_trainer(tmp_path, speech, muon=True, bf16=half)
        losses[half] = torch.stack([trainer._update(batch) for _ in range(3)])
        assert {parameter.dtype for parameter in trainer.parameters} == {torch.float32}
    torch.testing.assert_close(losses[True], losses[False], rtol=0.05, atol=0.0)
    assert not torch.equal(losses[True], losses[False])


@pytest.mark.parametrize("adapter", [False, True])
def test_ctc_hears_as_many_frames_as_the_encoder_gives(speech: SpeechShards, tmp_path: Path, adapter: bool) -> None:
    trainer = make_trainer(tmp_path, speech)
    config = demo_config(len(trainer.text.tokenizer), encoder_layers=1)
    config.encoder.add_adapter, config.encoder.output_hidden_size = adapter, config.encoder.hidden_size
    trainer.model = SpeechEncoderDecoderModel(config)
    for samples in (5_000, 16_000, 16_639, 16_640):
        batch = collate([np.ones(samples, np.float32)], [([], "Ja.")], trainer.text)
        _, states, frames, _ = trainer._forward(batch.audio, batch)
        assert frames.tolist() == [states.shape[1]]


def test_utterances_without_words_are_learned_from(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech)
    waves = [wordless_sound(16_000, np.random.default_rng(seed)) for seed in range(4)]
    silent = collate(waves, [([], "")] * 4, trainer.text)
    first = trainer._update(silent)
    for _ in range(15):
        last = trainer._update(silent)
    assert torch.isfinite(torch.stack((first, last))).all()
    assert (last < first).all()


def test_what_is_heard_in_noise_comes_nearer_to_what_a_teacher_hears_without(
    speech: SpeechShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"augmentation": replace(UNCHANGED, noise=1, noise_db=(0.0, 0.0), babble=0, tones=0)}
    assert make_trainer(tmp_path, speech)._update(next(make_trainer(tmp_path, speech)._stream(speech))).shape == (2,)
    ends = []
    for weight in (0.0, loop.TEACHER_WEIGHT):
        monkeypatch.setattr(loop, "TEACHER_WEIGHT", weight)
        teacher = make_trainer(tmp_path, speech).model
        before = [parameter.detach().clone() for parameter in teacher.parameters()]
        taught = make_trainer(tmp_path, speech, teacher, **changes)
        batch = next(taught._stream(speech))
        ends.append([taught._update(batch) for _ in range(40)][-1][2])
        assert not teacher.training
        assert all(torch.equal(one, other) for one, other in zip(before, teacher.parameters(), strict=True))
    assert ends[1] < 0.7 * ends[0]


def test_the_model_hears_through_its_ears_what_is_changed_and_a_teacher_what_is_clean(
    speech: SpeechShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, speech, make_trainer(tmp_path, speech).model)
    trainer.ears = Ears(Equalizer(np.linspace(-5, 5, BANDS)))
    noise = torch.Generator().manual_seed(0)
    monkeypatch.setattr(trainer, "augmentation", lambda audio, *_: audio + torch.randn(audio.shape, generator=noise))
    batch = next(trainer._stream(speech))
    clean = trainer.ears(batch.audio, batch.lengths)
    assert not torch.allclose(clean, Ears()(batch.audio, batch.lengths), atol=0.1)
    heard: list[torch.Tensor] = []
    assert trainer.teacher is not None
    for encoder in (trainer.model.encoder, trainer.teacher.model.encoder):
        called = encoder.forward

        def listen(audio: torch.Tensor, *given: Any, called: Any = called, **named: Any) -> Any:
            heard.append(audio)
            return called(audio, *given, **named)

        monkeypatch.setattr(encoder, "forward", listen)
    trainer._update(batch)
    learner, teacher = heard
    torch.testing.assert_close(teacher, clean)
    assert 1 < (learner - clean).square().mean() < 2.5, "it is mostly noise"
    monkeypatch.setattr(trainer, "augmentation", lambda audio, *_: audio)
    heard.clear()
    trainer._update(batch)
    drawn = trainer.ears(batch.audio, batch.lengths, torch.Generator().manual_seed(1_000_003))
    torch.testing.assert_close(heard[0], drawn)


def test_an_evaluation_does_not_depend_on_the_level(
    speech: SpeechShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, speech)
    loud = trainer.evaluate(speech)
    recorded = speech.audio
    monkeypatch.setattr(speech, "audio", lambda index: 0.1 * recorded(index))
    assert trainer.evaluate(speech) == pytest.approx(loud, rel=1e-3)


def test_the_distance_from_a_teacher() -> None:
    targets = torch.randn(2, 6, 4)
    frames = torch.tensor([6, 3])
    other = targets.clone()
    other[1, 3:] += 100
    assert distance(other, targets, frames) == 0
    mean = torch.cat([targets[0], targets[1, :3]]).mean(0)
    assert distance(mean.expand(2, 6, 4), targets, frames) == pytest.approx(1)


def test_a_teacher_of_another_kind_is_refused() -> None:
    one, other = (SpeechEncoderDecoderModel(demo_config(20, encoder_layers=1)) for _ in range(2))
    Teacher(other, one)
    other.config.encoder.conv_stride = (5, 2, 2, 2)
    with pytest.raises(ModelError, match="conv_stride"):
        Teacher(other, one)


def test_an_evaluation_that_was_interrupted_is_made_up_for(speech: SpeechShards, tmp_path: Path) -> None:
    def interrupted(*arguments: Any, **named: Any) -> dict[str, float]:
        raise KeyboardInterrupt

    trainer = make_trainer(tmp_path, speech, minutes=0.001)
    trainer.evaluate = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train(speech, speech)

    improved: list[int] = []
    resumed = make_trainer(tmp_path, speech, minutes=0.001)
    assert resumed.progress.minutes >= 0.001
    resumed.evaluate = lambda *arguments, **named: {"bleu": 1.0}  # type: ignore[method-assign]
    resumed.listeners = Listeners(improved=lambda: improved.append(1))
    resumed.train(speech, speech)
    assert (improved, resumed.progress.updates) == ([1], trainer.progress.updates)
    resumed.train(speech, speech)
    assert improved == [1], "and once only"


def test_the_best_is_not_known_before_it_is_written(speech: SpeechShards, tmp_path: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    trainer = make_trainer(tmp_path, speech, minutes=0.001)
    trainer.evaluate = lambda *arguments, **named: {"bleu": 1.0}  # type: ignore[method-assign]
    trainer.listeners = Listeners(improved=interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(speech, speech)
    assert make_trainer(tmp_path, speech).progress.best == -1


def test_a_state_that_cannot_be_written_leaves_the_last_one(
    speech: SpeechShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tmp_path, speech)
    trainer.save()
    before = trainer.state_path.read_bytes()

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        trainer.save()
    assert [path.name for path in trainer.folder.iterdir()] == ["state.pt"]
    assert trainer.state_path.read_bytes() == before


def test_an_interruption_saves_what_was_learned(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech)

    def interrupt(progress: Progress) -> None:
        if progress.updates == 3:
            raise KeyboardInterrupt

    trainer.listeners = Listeners(advance=interrupt)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(speech, speech)
    assert make_trainer(tmp_path, speech).progress.updates == 3


def test_it_ends_when_nothing_gets_better_and_tells_of_the_best(speech: SpeechShards, tmp_path: Path) -> None:
    scores = iter([10.0, 30.0, 20.0, 30.0, 99.0])
    told: list[int] = []
    trainer = make_trainer(tmp_path, speech, patience=2, evaluate_every=0.0)
    trainer.evaluate = lambda *arguments, **named: {"bleu": next(scores)}  # type: ignore[method-assign]
    trainer.listeners = Listeners(improved=lambda: told.append(trainer.progress.updates))
    trainer.train(speech, speech)
    assert trainer.progress.best == 30.0
    # The one before any training, then one after each of three updates.
    assert trainer.progress.updates == 3
    assert told == [0, 1]
    again = make_trainer(tmp_path, speech, patience=2, evaluate_every=0.0)
    again.train(speech, speech)
    assert again.progress.updates == 3


def test_without_english_there_is_no_ctc(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech, ctc_weight=0.0)
    wave = speech.audio(0)
    losses = trainer._update(collate([wave, wave], [([], "Ja."), ([], "Nein.")], trainer.text))
    assert losses[0] > 0
    assert losses[1] == 0
    assert trainer.evaluate(speech)["validation_ctc"] == 0


def test_a_broken_batch_leaves_the_model_as_it_is(speech: SpeechShards, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, speech)
    before = [parameter.detach().clone() for parameter in trainer.parameters]
    broken = collate([np.full(16_000, np.nan, np.float32)], [([], "Ja.")], trainer.text)
    assert trainer._update(broken).isnan().any()
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.parameters, strict=True))


@pytest.mark.parametrize("content", [b"", b"no state", None])
def test_a_state_of_something_else_is_refused(content: bytes | None, speech: SpeechShards, tmp_path: Path) -> None:
    path = tmp_path / "run" / "state.pt"
    path.parent.mkdir()
    if content is None:
        torch.save({"model": {"weight": torch.zeros(3)}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state.pt is not a state of this model .*another folder"):
        make_trainer(tmp_path, speech)


def test_a_device_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="There is no device nowhere"):
        usable_device("nowhere")
    assert usable_device("cpu") == "cpu"
