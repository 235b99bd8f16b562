"""The model behind the engine: loading, forced prefixes, caps, scores."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s2t2_live import Speech2Text2Processor, SpeechEncoderDecoderModel
from s2t2_live.assets import asset
from s2t2_live.audio.chunk import SAMPLE_RATE
from s2t2_live.audio.high_pass import high_pass
from s2t2_live.audio.speech_check import NO_SPEECH, SURELY_NO_SPEECH, speech_check
from s2t2_live.errors import CheckpointError, ModelNotFoundError, UsageError
from s2t2_live.evaluation.sounds import SOUNDS
from s2t2_live.live.confidence import Calibration
from s2t2_live.live.translation import SpeechTranslationModel, alignment_heads

NOISE = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
SPEECH = soundfile.read(min(asset("recordings").glob("*.flac")), start=8_000, frames=32_000, dtype="float32")[0]


def load(folder: Path, precision: str = "auto", device: str = "cpu") -> SpeechTranslationModel:
    return SpeechTranslationModel.load(str(folder), device=device, precision=precision, threads=None, offline=True)


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> SpeechTranslationModel:
    return load(tiny_checkpoint)


@pytest.mark.parametrize("beam_size", [1, 5])
@pytest.mark.parametrize("prefix", [(), (4, 5), (7, 8, 10)])
def test_it_says_what_generate_says(
    model: SpeechTranslationModel, tiny_checkpoint: Path, beam_size: int, prefix: tuple[int, ...]
) -> None:
    """From audio without what lies below the voice, with the model's own classes."""
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    values = processor(high_pass(SPEECH), sampling_rate=16_000, return_tensors="pt").input_values
    expected = family.generate(
        inputs=values,
        decoder_input_ids=torch.tensor([[2, *prefix]]),
        num_beams=beam_size,
        max_new_tokens=12 - len(prefix),
    )[0, 1:].tolist()
    found = model.translate(SPEECH, prefix, beam_size=beam_size, max_tokens=12)
    assert found.tokens[: len(prefix)] == prefix
    assert [*found.tokens, *([2] if found.complete else [])] == expected
    assert found.complete == (2 in expected[len(prefix) :])


def test_log_probabilities_are_the_models_own(model: SpeechTranslationModel, tiny_checkpoint: Path) -> None:
    """Step by step, without a cache."""
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    values = processor(high_pass(SPEECH), sampling_rate=16_000, return_tensors="pt").input_values
    found = model.translate(SPEECH, (4, 5), beam_size=5, max_tokens=12)
    sequence = [2, *found.tokens, *([2] if found.complete else [])]
    scores = []
    with torch.no_grad():
        for end in range(1, len(sequence)):
            logits = family(inputs=values, decoder_input_ids=torch.tensor([sequence[:end]])).logits[0, -1]
            scores.append(logits.log_softmax(-1)[sequence[end]].item())
    assert found.log_probabilities == pytest.approx(scores, abs=1e-4)
    assert found.confidence == pytest.approx(np.exp(np.mean(scores)), abs=1e-4)


def test_the_cap_counts_the_prefix(model: SpeechTranslationModel) -> None:
    for max_tokens in (1, 3, 4, 9):
        found = model.translate(SPEECH, (4, 5, 6), beam_size=1, max_tokens=max_tokens)
        assert len(found.tokens) <= max(3, max_tokens)
        if len(found.tokens) == max(3, max_tokens):
            assert not found.complete


def test_the_decoders_positions_are_a_cap(model: SpeechTranslationModel) -> None:
    found = model.translate(SPEECH, (), beam_size=1, max_tokens=1_000)
    assert len(found.tokens) < 64


@pytest.mark.parametrize("samples", [0, 1, 399, 1_599])
def test_audio_without_room_for_a_word_says_nothing(model: SpeechTranslationModel, samples: int) -> None:
    found = model.translate(SPEECH[:samples], (), beam_size=5, max_tokens=12)
    assert (found.tokens, found.complete, found.confidence) == ((), True, None)


def test_what_nobody_hears_changes_nothing() -> None:
    """A slow drift far louder than the voice; without the filter the sentence would be another one."""
    shipped = SpeechTranslationModel.load("demo-en-de", device="cpu", precision="fp32", threads=None, offline=True)
    speech, _ = soundfile.read(min(asset("recordings").glob("*.flac")), dtype="float32")
    drift = np.sin(np.linspace(0, 20, len(speech), dtype=np.float32))
    clean, drifting = (shipped.translate(x, (), beam_size=1, max_tokens=40) for x in (speech, speech + drift))
    assert len(clean.tokens) > 3
    assert drifting.tokens == clean.tokens


def test_noise_says_nothing_and_keeps_what_was_committed(model: SpeechTranslationModel) -> None:
    assert model.translate(NOISE, (), beam_size=5, max_tokens=12).tokens == ()
    found = model.translate(NOISE, (4, 5), beam_size=1, max_tokens=12)
    assert (found.tokens, found.complete, found.confidence) == ((4, 5), True, None)


def test_a_model_that_is_sure_is_believed_unless_it_cannot_be_speech(tiny_checkpoint: Path) -> None:
    tones = SOUNDS["tones"](2 * SAMPLE_RATE).astype(np.float32)
    rumble = (np.cumsum(NOISE) * 0.02 * np.sin(np.arange(len(NOISE)) * 12 / SAMPLE_RATE)).astype(np.float32)
    assert speech_check().log_odds(rumble) < SURELY_NO_SPEECH < speech_check().log_odds(tones) < NO_SPEECH
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    for sound, bias, said in ((tones, 2.0, True), (tones, -2.0, False), (rumble, 2.0, False)):
        model = SpeechTranslationModel(
            family, processor, name="tiny", precision="fp32", calibration=Calibration({}, bias)
        )
        assert (model.translate(sound, (4,), beam_size=1, max_tokens=12).confidence is not None) == said


def test_the_checkpoints_own_calibration_makes_the_confidence(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "calibrated"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "confidence.json").write_text('{"weights": {"mean": 2.0, "rate": -0.1}, "bias": 1.0}', encoding="utf-8")
    found = load(folder).translate(SPEECH, (), beam_size=1, max_tokens=12)
    scores = found.log_probabilities
    log_odds = 2.0 * np.mean(scores) - 0.1 * len(scores) / 2.0 + 1.0
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"weights": {"mood": 1}, "bias": 0}',
        '{"weights": {}, "bias": "high"}',
        "[",
        '{"weights": {}, "bias": NaN}',
    ],
)
def test_a_broken_calibration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "confidence.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"confidence\.json"):
        Calibration.load(tmp_path)


def test_words_and_their_ends(model: SpeechTranslationModel) -> None:
    """The pieces: <s> <pad> </s> <unk> der Zug fährt Bahn@@ hof zum , . ? ' heute."""
    assert [token for token in range(15) if not model.ends_word(token)] == [7]
    assert [token for token in range(15) if not model.is_word(token)] == [0, 1, 2, 3, 10, 11, 12, 13]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [((), ""), ((4, 7, 8, 10, 14, 11), "der Bahnhof, heute."), ((4, 7), "der Bahn"), ((4, 3, 2), "der")],
)
def test_text(model: SpeechTranslationModel, tokens: tuple[int, ...], text: str) -> None:
    assert model.text(tokens) == text


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_precisions(tiny_checkpoint: Path, model: SpeechTranslationModel, precision: str) -> None:
    """Random weights: only the first steps can be expected to agree."""
    other = load(tiny_checkpoint, precision)
    assert (other.precision, other.device) == (precision, "cpu")
    found = other.translate(SPEECH, (4, 5), beam_size=1, max_tokens=6)
    expected = model.translate(SPEECH, (4, 5), beam_size=1, max_tokens=6)
    assert found.log_probabilities == pytest.approx(expected.log_probabilities, abs=0.3)


def test_half_precision_needs_a_gpu(tiny_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="needs a GPU"):
        load(tiny_checkpoint, "fp16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device that the test is to miss")
def test_a_device_that_is_not_there(tiny_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="no device cuda"):
        load(tiny_checkpoint, device="cuda")


def test_a_model_that_does_not_exist() -> None:
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        SpeechTranslationModel.load("nowhere", device="cpu", precision="auto", threads=None, offline=True)


def test_without_a_number_threads_are_as_many_as_at_first(tiny_checkpoint: Path) -> None:
    before = torch.get_num_threads()
    for threads in (before + 1, before + 2, None, None):
        SpeechTranslationModel.load(str(tiny_checkpoint), device="cpu", precision="auto", threads=threads, offline=True)
        assert torch.get_num_threads() == (threads or before)


def test_a_checkpoint_for_another_rate(tiny_checkpoint: Path) -> None:
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    processor.feature_extractor.sampling_rate = 8_000
    with pytest.raises(CheckpointError, match="8000 Hz"):
        SpeechTranslationModel(family, processor, name="narrow", precision="fp32")


def test_a_checkpoint_that_does_not_know_how_to_begin(tiny_checkpoint: Path) -> None:
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    family.generation_config.decoder_start_token_id = family.generation_config.bos_token_id = None
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    with pytest.raises(CheckpointError, match="begins a sentence"):
        SpeechTranslationModel(family, processor, name="mute", precision="fp32")


def test_where_the_tokens_were_taken_from(model: SpeechTranslationModel, tiny_checkpoint: Path) -> None:
    """The mean of the middle layer's heads, from one pass without a cache."""
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    for length in (1_700, 20_123, 32_000):
        found = model.translate(SPEECH[:length], (4, 5), beam_size=3, max_tokens=12)
        assert len(found.attended) == len(found.tokens)
        values = processor(high_pass(SPEECH[:length]), sampling_rate=16_000, return_tensors="pt").input_values
        with torch.no_grad():
            output = family(inputs=values, decoder_input_ids=torch.tensor([[2, *found.tokens]]), output_attentions=True)
        weights = output.cross_attentions[1][0].mean(0)[: len(found.tokens)]
        frame = length / 16_000 / weights.shape[1]
        assert found.attended == pytest.approx(((weights.argmax(-1) + 0.5) * frame).tolist(), abs=1e-4)
        assert all(0 < place < length / 16_000 for place in found.attended)
    assert model.translate(SPEECH[:100], (4, 5), beam_size=1, max_tokens=12).attended == ()


def test_the_checkpoint_names_its_alignment_heads(tiny_checkpoint: Path, tmp_path: Path) -> None:
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    assert alignment_heads(family) == [(1, 0), (1, 1)]
    family.generation_config.alignment_heads = [[0, 1], [1, 0]]
    family.save_pretrained(tmp_path)
    assert alignment_heads(SpeechEncoderDecoderModel.from_pretrained(tmp_path)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("heads", [[], [[2, 0]], [[0, 2]], [[-1, 0]], [[0]], [0, 1], "all", [["0", "1"]]])
def test_alignment_heads_that_do_not_exist(tiny_checkpoint: Path, heads: object) -> None:
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint)
    family.generation_config.alignment_heads = heads
    with pytest.raises(CheckpointError, match="alignment_heads"):
        alignment_heads(family)


@pytest.mark.parametrize("lost", [False, True])
def test_it_goes_on_on_the_cpu(tiny_checkpoint: Path, model: SpeechTranslationModel, lost: bool) -> None:
    """The device `meta` stands for a GPU whose memory is lost: it gives nothing back."""
    family = SpeechEncoderDecoderModel.from_pretrained(tiny_checkpoint, torch_dtype=torch.bfloat16)
    processor = Speech2Text2Processor.from_pretrained(tiny_checkpoint)
    failed = SpeechTranslationModel(
        family.to("meta") if lost else family, processor, name=str(tiny_checkpoint), precision="bf16"
    )
    failed.to_cpu()
    assert (failed.device, failed.precision) == ("cpu", "fp32")
    found = failed.translate(SPEECH, (4,), beam_size=1, max_tokens=6)
    expected = model.translate(SPEECH, (4,), beam_size=1, max_tokens=6)
    assert found.log_probabilities == pytest.approx(expected.log_probabilities, abs=1e-4 if lost else 0.3)
