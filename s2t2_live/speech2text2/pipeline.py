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
from torch.utils.data import DataLoader, Dataset

from s2t2_live.errors import AudioInputError, InputError, RecordingError
from s2t2_live.speech2text2.encoder_decoder import SpeechEncoderDecoderModel
from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.speech2text2.hub import SHIPPED_MODEL, split_hub_options
from s2t2_live.speech2text2.model_config import ModelConfig
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer

TASK = "automatic-speech-recognition"

Waveform = np.ndarray[Any, np.dtype[Any]]


def pipeline(
    task: str = TASK,
    model: str | os.PathLike[str] | SpeechEncoderDecoderModel = SHIPPED_MODEL,
    config: str | os.PathLike[str] | ModelConfig | None = None,
    tokenizer: str | os.PathLike[str] | Speech2Text2Tokenizer | None = None,
    feature_extractor: str | os.PathLike[str] | Wav2Vec2FeatureExtractor | None = None,
    *,
    device: int | str | torch.device | None = None,
    device_map: Any = None,
    torch_dtype: torch.dtype | str | None = None,
    model_kwargs: dict[str, Any] | None = None,
    use_fast: bool = True,
    **kwargs: Any,
) -> AutomaticSpeechRecognitionPipeline:
    """Makes a pipeline of a model with its feature extractor and tokenizer.

    Args:
        task: only ``"automatic-speech-recognition"``, the name under which 4.37.2 translates speech.
        model: a folder, a hub id, the name of the shipped model, or a model.
        config: of a model given by name, if it is not the model's own: a configuration, or where to find it.
        tokenizer, feature_extractor: like ``model``; by default those of the model, if it is given by name.
        device: where the model runs; a number means that CUDA device, -1 the CPU.
        device_map: refused; the model is not spread over devices.
        torch_dtype: of the computation of a model given by name; one given as an object computes in its own.
        model_kwargs: arguments of the model's ``from_pretrained``.
        use_fast: no effect; there is one implementation of the tokenizer.
        **kwargs: ``revision``, ``cache_dir``, ``local_files_only``, ``force_download``, ``token``; and arguments of
            `AutomaticSpeechRecognitionPipeline`.

    Raises:
        InputError: another task, a model without a tokenizer and a feature extractor, or unusable arguments.
        ModelError: the model cannot be found or loaded.
    """
    del use_fast
    if task != TASK:
        raise InputError(f"There is no pipeline for {task!r}; the only task is {TASK!r}.")
    if device_map is not None:
        raise InputError("The pipeline does not spread a model over devices; pass device in place of device_map.")
    hub, options = split_hub_options(kwargs)
    hub_of_model, model_options = split_hub_options(model_kwargs or {})
    hub = {name: value for name, value in (hub_of_model | hub).items() if value is not None}
    if torch_dtype is not None and "torch_dtype" in model_options:
        raise InputError("torch_dtype is given twice; leave out one of them.")
    if isinstance(model, str | os.PathLike):
        tokenizer, feature_extractor = tokenizer or model, feature_extractor or model
        loaded: SpeechEncoderDecoderModel = SpeechEncoderDecoderModel.from_pretrained(
            model, config=config, **{"torch_dtype": torch_dtype, **hub, **model_options}
        )
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
        loaded, feature_extractor, tokenizer, device=device, torch_dtype=torch_dtype, **options
    )


class AutomaticSpeechRecognitionPipeline:
    """Translates recordings with a Speech2Text2 model."""

    task = TASK
    framework = "pt"

    def __init__(
        self,
        model: SpeechEncoderDecoderModel,
        feature_extractor: Wav2Vec2FeatureExtractor,
        tokenizer: Speech2Text2Tokenizer,
        *,
        framework: str | None = None,
        device: int | str | torch.device | None = None,
        torch_dtype: torch.dtype | str | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **options: Any,
    ) -> None:
        """Takes the parts and the defaults of the calls.

        Args:
            model, feature_extractor, tokenizer: the parts.
            framework: only ``"pt"``, PyTorch.
            device: see `pipeline`.
            torch_dtype: no effect; the model computes in its own.
            batch_size, num_workers, **options: see `__call__`.

        Raises:
            InputError: parts of the wrong kind, or unusable arguments.
        """
        del torch_dtype
        if not isinstance(model, SpeechEncoderDecoderModel):
            raise InputError(f"The model is a {type(model).__name__}; give a SpeechEncoderDecoderModel.")
        if framework not in (None, self.framework):
            raise InputError(f"There is no framework {framework!r}; the only one is {self.framework!r}, PyTorch.")
        if isinstance(device, int):
            if device >= 0 and not torch.cuda.is_available():
                raise InputError(f"There is no CUDA device for device={device}; leave it out, or pass device='cpu'.")
            device = f"cuda:{device}" if device >= 0 else "cpu"
        self.model = model if device is None else model.to(device)
        self.feature_extractor = feature_extractor
        self.tokenizer = tokenizer
        self.batch_size = batch_size or 1
        self.num_workers = num_workers or 0
        self._generate_kwargs = _generate_kwargs(**options) or {}

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.model.device

    def save_pretrained(self, save_directory: str | os.PathLike[str], safe_serialization: bool = True) -> None:
        """Writes the model, the tokenizer and the feature extractor into a folder, which is made if need be.

        Raises:
            OutputError: a file cannot be written.
        """
        self.model.save_pretrained(save_directory, safe_serialization=safe_serialization)
        self.tokenizer.save_pretrained(save_directory)
        self.feature_extractor.save_pretrained(save_directory)

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """Translates one recording or several.

        Args:
            inputs: a path; the bytes of an audio file; a waveform (samples,) at the model's rate; a dictionary with
                ``sampling_rate`` and the waveform as ``raw`` or ``array``, which is resampled; or a list, an iterator
                or a ``torch.utils.data.Dataset`` of those. Files may have any rate and any number of channels.
            batch_size: recordings that run through the model together; by default the pipeline's, or else 1.
            num_workers: processes that read a ``Dataset``; by default the pipeline's, or else none of their own.
            **options: ``generate_kwargs``, arguments of the model's ``generate``, and ``max_new_tokens``, shorthand
                for the one in there; together they replace those of the pipeline. ``return_timestamps``,
                ``return_language`` and ``chunk_length_s`` are refused: this family gives neither timestamps nor a
                language, and `s2t2-live` segments long recordings at the pauses. ``stride_length_s``,
                ``ignore_warning`` and ``decoder_kwargs`` have no effect, as in 4.37.2 without chunks.

        Returns:
            ``{"text": …}``, with the other keys of an input dictionary as lists; a list or an iterator of such
            dictionaries where the inputs were several.

        Raises:
            RecordingError: a file cannot be read as audio.
            AudioInputError: a waveform that the model cannot take.
            InputError: other unusable arguments.
        """
        given = _generate_kwargs(**options)
        generate = self._generate_kwargs if given is None else given
        size = batch_size or self.batch_size
        if isinstance(inputs, list | tuple):
            return list(self._translated(inputs, size, generate))
        if isinstance(inputs, Dataset):
            workers = self.num_workers if num_workers is None else num_workers
            loader = DataLoader(inputs, batch_size=None, num_workers=workers, collate_fn=_as_it_is)
            return self._translated(loader, size, generate)
        if isinstance(inputs, Iterator):
            return self._translated(inputs, size, generate)
        return next(self._translated([inputs], 1, generate))

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


def _as_it_is(item: Any) -> Any:
    return item


def _generate_kwargs(
    *,
    generate_kwargs: dict[str, Any] | None = None,
    max_new_tokens: int | None = None,
    return_timestamps: bool | str | None = None,
    return_language: bool | None = None,
    chunk_length_s: float | None = None,
    stride_length_s: Any = None,
    ignore_warning: bool | None = None,
    decoder_kwargs: dict[str, Any] | None = None,
    **unknown: Any,
) -> dict[str, Any] | None:
    """Returns the arguments of ``generate`` among the options of a call; None where there are none."""
    del stride_length_s, ignore_warning, decoder_kwargs
    if unknown:
        raise InputError(f"The pipeline has no option {', '.join(sorted(unknown))}; check the spelling.")
    if return_timestamps:
        raise InputError("Speech2Text2 models give no timestamps; leave out return_timestamps.")
    if return_language:
        raise InputError("Speech2Text2 models know one language; leave out return_language.")
    if chunk_length_s:
        raise InputError("chunk_length_s cuts through words; leave it out, or let s2t2-live cut at the pauses.")
    if generate_kwargs is None and max_new_tokens is None:
        return None
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
