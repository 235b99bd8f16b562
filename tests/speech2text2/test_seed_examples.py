"""The examples of the Speech2Text2 page of transformers 4.37.2 with the import line switched, and the golden sentence.

Where the page loads a data set there is a recording made here; where it names a published checkpoint, a small random
one in the same layout.
"""

from __future__ import annotations

import io
import json
import socket
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

GOLDEN = 'Ein Mann sagte zum Universum : " Sir, ich existiert! "'
CHECKPOINT = "facebook/s2t-wav2vec2-large-en-de"
ROWS = (
    "https://datasets-server.huggingface.co/rows?dataset=hf-internal-testing%2Flibrispeech_asr_dummy"
    "&config=clean&split=validation&offset=0&length=100"
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "1272-128104-0000.flac"
    time = np.arange(2 * 16000) / 16000
    voice = np.sin(2 * np.pi * 140 * time) * (1 + np.sin(2 * np.pi * 3 * time)) * 0.2
    sf.write(path, voice + np.random.default_rng(0).normal(size=len(time)) * 0.01, 16000)
    return path


def test_speech_translation_step_by_step(small_checkpoint: Path, recording: Path) -> None:
    from s2t2_live import Speech2Text2Processor, SpeechEncoderDecoderModel

    model = SpeechEncoderDecoderModel.from_pretrained(small_checkpoint)
    processor = Speech2Text2Processor.from_pretrained(small_checkpoint)

    def map_to_array(batch: dict[str, object]) -> dict[str, object]:
        speech, _ = sf.read(batch["file"])
        batch["speech"] = speech
        return batch

    ds = map_to_array({"file": str(recording)})

    inputs = processor(ds["speech"], sampling_rate=16_000, return_tensors="pt")
    generated_ids = model.generate(inputs=inputs["input_values"], attention_mask=inputs["attention_mask"])

    transcription = processor.batch_decode(generated_ids)
    assert len(transcription) == 1
    assert transcription[0].startswith("</s>")


def test_speech_translation_via_pipelines(small_checkpoint: Path, recording: Path) -> None:
    from s2t2_live import pipeline

    asr = pipeline(
        "automatic-speech-recognition",
        model=str(small_checkpoint),
        feature_extractor=str(small_checkpoint),
    )

    translation_de = asr(str(recording))
    assert set(translation_de) == {"text"}
    assert isinstance(translation_de["text"], str)


def test_configuration() -> None:
    from s2t2_live import Speech2Text2Config, Speech2Text2ForCausalLM

    # Initializing a Speech2Text2 s2t_transformer_s style configuration
    configuration = Speech2Text2Config()

    # Initializing a model (with random weights) from the s2t_transformer_s style configuration
    model = Speech2Text2ForCausalLM(configuration)

    # Accessing the model configuration
    configuration = model.config
    assert (configuration.vocab_size, configuration.d_model, configuration.decoder_layers) == (10000, 256, 6)


def test_training(small_checkpoint: Path, recording: Path) -> None:
    from s2t2_live import (
        Speech2Text2Config,
        Speech2Text2ForCausalLM,
        Speech2Text2Tokenizer,
        SpeechEncoderDecoderModel,
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Model,
    )

    feature_extractor = Wav2Vec2FeatureExtractor()
    tokenizer = Speech2Text2Tokenizer.from_pretrained(str(small_checkpoint))

    encoder = Wav2Vec2Model(Wav2Vec2Config())
    decoder = Speech2Text2ForCausalLM(Speech2Text2Config())
    # init random speech2text model

    model = SpeechEncoderDecoderModel(encoder=encoder, decoder=decoder)
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.decoder_start_token_id = tokenizer.bos_token_id
    # pre-process inputs and labels

    array, sampling_rate = sf.read(recording)
    inputs = feature_extractor(array, sampling_rate=sampling_rate, return_tensors="pt")
    input_values = inputs.input_values
    decoder_input_ids = tokenizer("MISTER QUILTER IS THE APOSTLE OF THE MIDDLE CLASSES", return_tensors="pt").input_ids
    # compute loss

    loss = model(inputs=input_values, labels=decoder_input_ids).loss
    # backprop loss

    loss.backward()
    assert loss.item() == pytest.approx(np.log(10000), rel=0.5)
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert gradients["enc_to_dec_proj.weight"].abs().sum() > 0
    assert gradients["encoder.feature_extractor.conv_layers.0.conv.weight"].abs().sum() > 0


@pytest.fixture
def universe() -> dict[str, object]:
    """The recording of LibriSpeech that the published golden sentence translates; skips where there is no internet."""
    for host in ("huggingface.co", "datasets-server.huggingface.co"):
        try:
            socket.create_connection((host, 443), timeout=5).close()
        except OSError as error:
            pytest.skip(f"needs the internet: {host} cannot be reached ({error})")
    with urllib.request.urlopen(ROWS, timeout=60) as answer:
        rows = [row["row"] for row in json.load(answer)["rows"]]
    row = next(row for row in rows if row["text"] == "A MAN SAID TO THE UNIVERSE SIR I EXIST")
    with urllib.request.urlopen(row["audio"][0]["src"], timeout=60) as answer:
        array, sampling_rate = sf.read(io.BytesIO(answer.read()))
    return {"array": array, "sampling_rate": sampling_rate}


@pytest.mark.network
@pytest.mark.slow
def test_the_published_checkpoint_says_the_golden_sentence(universe: dict[str, object]) -> None:
    from s2t2_live import pipeline

    asr = pipeline("automatic-speech-recognition", model=CHECKPOINT, feature_extractor=CHECKPOINT)
    assert asr(universe)["text"] == GOLDEN
