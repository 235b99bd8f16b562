"""pipeline("automatic-speech-recognition"): recordings in, translated text out. Knows nothing of live audio.

Behaves as the pipeline of that name in transformers 4.37.2 does for Speech2Text2 checkpoints, but reads recordings
with libsndfile instead of ffmpeg, and resamples with soxr instead of torchaudio.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import soundfile
import soxr
import torch

from s2t2_live.errors import AudioInputError, InputError, RecordingError
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.speech2text2.hub import SHIPPED_MODEL, split_hub_options
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer

TASK = "automatic-speech-recognition"

Waveform = np.ndarray[Any, np.dtype[Any]]


def pipeline(
    task: str = TASK,
    model: str | os.PathLike[str] | SpeechEncoderDecoderModel = SHIPPED_MODEL,
    *,
    tokenizer: str | os.PathLike[str] | Speech2Text2Tokenizer | None = None,
    feature_extractor: str | os.PathLike[str] | Wav2Vec2FeatureExtractor | None = None,
    device: int | str | torch.device | None = None,
    torch_dtype: torch.dtype | str | None = None,
    batch_size: int = 1,
    **kwargs: Any,
) -> AutomaticSpeechRecognitionPipeline:
    """Makes a pipeline of a model with its feature extractor and tokenizer.

    Args:
        task: only ``"automatic-speech-recognition"``, the name under which 4.37.2 translates speech.
        model: a folder, a hub id, the name of the shipped model, or a model.
        tokenizer, feature_extractor: likewise; by default those of the model, if it is given by name.
        device: where the model runs; a number means that CUDA device, -1 the CPU.
        torch_dtype: of the computation.
        batch_size: recordings that run through the model together.
        **kwargs: ``revision``, ``cache_dir``, ``local_files_only``, ``force_download``, ``token``; and defaults of
            the calls: ``generate_kwargs``, ``max_new_tokens``.

    Raises:
        InputError: another task, or a model without a tokenizer and a feature extractor.
        ModelError: the model cannot be found or loaded.
    """
    if task != TASK:
        raise InputError(f"There is no pipeline for {task!r}; the only task is {TASK!r}.")
    hub, defaults = split_hub_options(kwargs)
    if isinstance(model, str | os.PathLike):
        tokenizer, feature_extractor = tokenizer or model, feature_extractor or model
        loaded: SpeechEncoderDecoderModel = SpeechEncoderDecoderModel.from_pretrained(
            model, torch_dtype=torch_dtype, **hub
        )
    elif torch_dtype is not None:
        raise InputError("torch_dtype is for models given by name; convert this one with model.to(dtype).")
    else:
        loaded = model
    if isinstance(tokenizer, str | os.PathLike):
        tokenizer = Speech2Text2Tokenizer.from_pretrained(tokenizer, **hub)
    if isinstance(feature_extractor, str | os.PathLike):
        feature_extractor = Wav2Vec2FeatureExtractor.from_pretrained(feature_extractor, **hub)
    if tokenizer is None or feature_extractor is None:
        raise InputError("A model given as an object does not say where it came from; pass tokenizer and "
                         "feature_extractor too.")  # fmt: skip
    return AutomaticSpeechRecognitionPipeline(
        loaded, tokenizer, feature_extractor, device=device, batch_size=batch_size, **defaults
    )


class AutomaticSpeechRecognitionPipeline:
    """Translates recordings with a Speech2Text2 model."""

    task = TASK

    def __init__(
        self,
        model: SpeechEncoderDecoderModel,
        tokenizer: Speech2Text2Tokenizer,
        feature_extractor: Wav2Vec2FeatureExtractor,
        *,
        device: int | str | torch.device | None = None,
        batch_size: int = 1,
        generate_kwargs: dict[str, Any] | None = None,
        max_new_tokens: int | None = None,
        return_timestamps: bool | str | None = None,
        chunk_length_s: float | None = None,
    ) -> None:
        """Takes the parts; the other arguments are those of `pipeline` and of a call."""
        if not isinstance(model, SpeechEncoderDecoderModel):
            raise InputError(f"The model is a {type(model).__name__}; give a SpeechEncoderDecoderModel.")
        if isinstance(device, int):
            device = f"cuda:{device}" if device >= 0 else "cpu"
        self.model = model if device is None else model.to(device)
        self.tokenizer = tokenizer
        self.feature_extractor = feature_extractor
        self.batch_size = batch_size
        self._generate_kwargs = _generate_kwargs(generate_kwargs, max_new_tokens)
        _refuse(return_timestamps, chunk_length_s)

    def __call__(
        self,
        inputs: Any,
        *,
        batch_size: int | None = None,
        generate_kwargs: dict[str, Any] | None = None,
        max_new_tokens: int | None = None,
        return_timestamps: bool | str | None = None,
        chunk_length_s: float | None = None,
    ) -> Any:
        """Translates one recording or several.

        Args:
            inputs: a path; the bytes of an audio file; a waveform (samples,) at the model's rate; a dictionary with
                ``sampling_rate`` and the waveform as ``raw`` or ``array``, which is resampled; or a list or an
                iterator of those. Files may have any rate and any number of channels.
            batch_size: recordings that run through the model together; by default the pipeline's.
            generate_kwargs: arguments of the model's ``generate``.
            max_new_tokens: shorthand for the one in ``generate_kwargs``.
            return_timestamps: refused; this family has none.
            chunk_length_s: refused; `s2t2-live` segments long recordings at the pauses.

        Returns:
            ``{"text": …}``, with the other keys of an input dictionary as lists; a list or an iterator of such
            dictionaries where the inputs were.

        Raises:
            RecordingError: a file cannot be read as audio.
            AudioInputError: a waveform that the model cannot take.
            InputError: other unusable arguments.
        """
        _refuse(return_timestamps, chunk_length_s)
        options = self._generate_kwargs | _generate_kwargs(generate_kwargs, max_new_tokens)
        size = batch_size or self.batch_size
        if isinstance(inputs, list | tuple):
            return list(self._translated(inputs, size, options))
        if isinstance(inputs, Iterator):
            return self._translated(inputs, size, options)
        return next(self._translated([inputs], 1, options))

    def _translated(self, inputs: Iterable[Any], size: int, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        waiting = iter(inputs)
        while batch := list(islice(waiting, size)):
            rate = self.feature_extractor.sampling_rate
            waveforms, extras = zip(*(_waveform(item, rate) for item in batch), strict=True)
            for text, extra in zip(self._texts(waveforms, options), extras, strict=True):
                yield {"text": text, **extra}

    def _texts(self, waveforms: Iterable[Waveform], options: dict[str, Any]) -> list[str]:
        extractor = self.feature_extractor
        single = [extractor(waveform, sampling_rate=extractor.sampling_rate) for waveform in waveforms]
        features = extractor.pad(
            [{name: values[0] for name, values in one.items()} for one in single], return_tensors="pt"
        ).to(self.model.device, self.model.dtype)
        with torch.inference_mode():
            tokens = self.model.generate(
                inputs=features["input_values"], attention_mask=features.get("attention_mask"), **options
            )
        if not isinstance(tokens, torch.Tensor) or len(tokens) != len(single):
            raise InputError("The pipeline gives one text for each recording; leave out num_return_sequences and "
                             "return_dict_in_generate, or call the model's generate.")  # fmt: skip
        return self.tokenizer.batch_decode(tokens, skip_special_tokens=True)


def _refuse(return_timestamps: bool | str | None, chunk_length_s: float | None) -> None:
    if return_timestamps:
        raise InputError("Speech2Text2 models give no timestamps; leave out return_timestamps.")
    if chunk_length_s:
        raise InputError("chunk_length_s cuts through words; leave it out, or let s2t2-live cut at the pauses.")


def _generate_kwargs(generate_kwargs: dict[str, Any] | None, max_new_tokens: int | None) -> dict[str, Any]:
    options = dict(generate_kwargs or {})
    if max_new_tokens is not None:
        if "max_new_tokens" in options:
            raise InputError("max_new_tokens is given twice; leave out one of them.")
        options["max_new_tokens"] = max_new_tokens
    return options


def _waveform(item: Any, rate: int) -> tuple[Waveform, dict[str, Any]]:
    """Returns one recording as mono samples at ``rate`` hertz, and what else its dictionary holds, as lists."""
    extra: dict[str, Any] = {}
    found = rate
    if isinstance(item, dict):
        extra = dict(item)
        if "stride" in extra:
            raise InputError("Speech2Text2 models cannot leave out a stride; remove 'stride' from the dictionary.")
        item = extra.pop("raw", None)
        if item is None:
            extra.pop("path", None)
            item = extra.pop("array", None)
        found = extra.pop("sampling_rate", None)
        if item is None or not found:
            raise InputError("A recording given as a dictionary needs 'sampling_rate', and its samples as 'raw'.")
        item = np.asarray(item)
    elif isinstance(item, str | os.PathLike | bytes):
        item, found = _read(item)
    elif isinstance(item, torch.Tensor):
        item = item.numpy(force=True)
    if not isinstance(item, np.ndarray):
        raise InputError(
            f"A recording is given as a {type(item).__name__}; give a path, bytes, samples or a dictionary."
        )
    if item.ndim != 1:
        raise AudioInputError(f"The recording has the shape {item.shape}; give mono samples, one row.")
    if found != rate:
        item = soxr.resample(item.astype(np.float32), found, rate)
    return item, {name: [value] for name, value in extra.items()}


def _read(source: str | os.PathLike[str] | bytes) -> tuple[Waveform, int]:
    """Returns the samples of an audio file, mixed down to mono, float32, and its rate in hertz."""
    name = "The audio given as bytes" if isinstance(source, bytes) else os.fspath(source)
    if name.startswith(("http://", "https://")):
        raise RecordingError(f"{name} is an address; download the recording first and give its path.")
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
        with file:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except OSError as error:
        raise RecordingError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (soundfile.LibsndfileError, TypeError) as error:
        raise RecordingError(
            f"{name} is not audio that can be read, or it is damaged; WAV, FLAC, MP3, Ogg Vorbis and Opus can be read."
        ) from error
    return samples.mean(axis=1, dtype=np.float32), int(rate)
