"""Wav2Vec2FeatureExtractor: waveforms to normalised, padded model input. Knows nothing of files and of the model.

Behaves as the class of that name in transformers 4.37.2, whose file it reads and writes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from s2t2_live.errors import AudioInputError
from s2t2_live.speech2text2.batch import BatchFeature, padding_strategy, round_up
from s2t2_live.speech2text2.hub import refuse_upload, resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.json_files import object_text, read_object, write_object

logger = logging.getLogger(__name__)

CONFIG_FILE = "preprocessor_config.json"

Waveform = np.ndarray[Any, np.dtype[Any]]


class Wav2Vec2FeatureExtractor:
    """Brings waveforms to zero mean and unit variance and pads them to one length.

    Models with layer norm in their feature encoder want an attention mask with padded batches, those with group norm
    were trained without one; nothing switches by itself.
    """

    model_input_names = ("input_values", "attention_mask")

    def __init__(
        self,
        feature_size: int = 1,
        sampling_rate: int = 16000,
        padding_value: float = 0.0,
        return_attention_mask: bool = False,
        do_normalize: bool = True,
        *,
        padding_side: str = "right",
        processor_class: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Sets the defaults of every call.

        Args:
            feature_size: always 1, a value per sample.
            sampling_rate: of the model's audio, in hertz.
            padding_value: fills the padded samples.
            return_attention_mask: give a mask (1 heard, 0 padded) with the samples.
            do_normalize: bring each waveform to zero mean and unit variance.
            padding_side: "right" or "left".
            processor_class: name of the processor that the extractor is saved with.
            **kwargs: kept, and saved with the extractor.

        Raises:
            AudioInputError: an unknown padding side.
        """
        if padding_side not in ("left", "right"):
            raise AudioInputError(f"padding_side is {padding_side!r}; use 'left' or 'right'.")
        self.feature_size = feature_size
        self.sampling_rate = sampling_rate
        self.padding_value = padding_value
        self.padding_side = padding_side
        self.return_attention_mask = return_attention_mask
        self.do_normalize = do_normalize
        self.processor_class = processor_class
        self._kept = kwargs

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        cache_dir: str | os.PathLike[str] | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | None = None,
        revision: str = "main",
        **kwargs: Any,
    ) -> Wav2Vec2FeatureExtractor:
        """Loads the feature extractor of a folder, of the shipped model, of a hub id, or of a JSON file.

        Args:
            pretrained_model_name_or_path, cache_dir, force_download, local_files_only, token, revision: see
                `resolve_model_folder`.
            **kwargs: override what the file says, for example ``return_attention_mask=True``; others are ignored.

        Raises:
            ModelNotFoundError: no such folder or hub id.
            CheckpointError: preprocessor_config.json is missing or broken.
        """
        hub, overrides = split_hub_options(kwargs, cache_dir, force_download, local_files_only, token, revision)
        path = Path(pretrained_model_name_or_path)
        if not path.is_file():
            path = resolve_model_folder(pretrained_model_name_or_path, weights=False, **hub) / CONFIG_FILE
        return cls.from_dict(read_object(path), **overrides)

    @classmethod
    def from_dict(cls, feature_extractor_dict: dict[str, Any], **overrides: Any) -> Wav2Vec2FeatureExtractor:
        """Makes an extractor of the fields of preprocessor_config.json; overrides that are no fields are ignored."""
        fields = {name: value for name, value in feature_extractor_dict.items() if name != "feature_extractor_type"}
        known = cls(**fields).to_dict().keys() & overrides.keys()
        return cls(**{**fields, **{name: overrides[name] for name in known}})

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields of preprocessor_config.json."""
        fields = {
            **self._kept,
            "do_normalize": self.do_normalize,
            "feature_extractor_type": type(self).__name__,
            "feature_size": self.feature_size,
            "padding_side": self.padding_side,
            "padding_value": self.padding_value,
            "return_attention_mask": self.return_attention_mask,
            "sampling_rate": self.sampling_rate,
        }
        return fields if self.processor_class is None else fields | {"processor_class": self.processor_class}

    def to_json_string(self) -> str:
        """The text of preprocessor_config.json."""
        return object_text(self.to_dict())

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        """Writes that text; raises OutputError if it cannot."""
        write_object(Path(json_file_path), self.to_dict())

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Wav2Vec2FeatureExtractor:
        """Raises CheckpointError if the file is not such an object."""
        return cls.from_dict(read_object(Path(json_file)))

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **upload: Any
    ) -> list[str]:
        """Writes preprocessor_config.json into a folder, which is made if need be; returns its path.

        Raises:
            InputError: ``push_to_hub`` is true; ``upload``, its options, change nothing.
        """
        del upload
        refuse_upload(push_to_hub, save_directory)
        path = Path(save_directory, CONFIG_FILE)
        self.to_json_file(path)
        return [str(path)]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        return f"{type(self).__name__}({fields})"

    def __call__(
        self,
        raw_speech: Any,
        padding: bool | str = False,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        sampling_rate: int | None = None,
        **_: Any,
    ) -> BatchFeature:
        """Prepares one waveform or a batch for the model.

        Args:
            raw_speech: one waveform (samples,) or a batch: (batch, samples), or a list of waveforms of any lengths.
                Arrays, tensors or lists of numbers, mono.
            padding: False; True or "longest": to the longest of the batch; "max_length": to ``max_length``.
            max_length: in samples.
            truncation: cut off what is longer than ``max_length``.
            pad_to_multiple_of: round the padded length up.
            return_attention_mask: None means the extractor's default.
            return_tensors: "pt", "np", or None for a list of arrays.
            sampling_rate: of ``raw_speech``, in hertz. Leave it out only if you are sure.

        Returns:
            ``input_values`` (batch, samples), float32 (float64 for integer waveforms, as in 4.37.2), and
            ``attention_mask`` (batch, samples), int32. Mean and variance are those of the samples before padding
            where padding comes with a mask; without one they include the padding, as in 4.37.2.

        Raises:
            AudioInputError: a wrong sampling rate, rank or length, samples that are not finite numbers, or rows of
                different lengths that are to be one tensor.
        """
        if sampling_rate is None:
            logger.warning("No sampling_rate was given; the audio is taken to be at %d Hz.", self.sampling_rate)
        elif sampling_rate != self.sampling_rate:
            raise AudioInputError(
                f"The audio has a sampling rate of {sampling_rate} Hz, the model needs {self.sampling_rate} Hz; "
                "resample it first."
            )
        batch = self.pad(
            {"input_values": _waveforms(raw_speech)}, padding, max_length, truncation, pad_to_multiple_of,
            return_attention_mask,
        )  # fmt: skip
        if self.do_normalize:
            counted = None if padding_strategy(padding) == "do_not_pad" else batch.get("attention_mask")
            batch["input_values"] = self.zero_mean_unit_var_norm(batch["input_values"], counted, self.padding_value)
        if "attention_mask" in batch:
            batch["attention_mask"] = list(batch["attention_mask"])
        return batch.convert_to_tensors(return_tensors)

    def pad(
        self,
        processed_features: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """Truncates and pads prepared waveforms, for example those that a data collator was given.

        Args:
            processed_features: a dictionary with a list of ``input_values``, or a list of dictionaries with one each.
            padding, max_length, truncation, pad_to_multiple_of, return_attention_mask: as in calling the extractor.
            return_tensors: "pt" or "np"; None means the kind of the waveforms, "np" for lists.

        Raises:
            AudioInputError: no ``input_values``, or a missing ``max_length``.
        """
        if isinstance(processed_features, Sequence):
            features = {name: [example[name] for example in processed_features] for name in processed_features[0]}
        else:
            features = dict(processed_features)
        if "input_values" not in features:
            raise AudioInputError(f"There are no input_values to pad, only {', '.join(map(repr, features))}.")
        strategy = padding_strategy(padding)
        if max_length is None and (truncation or strategy == "max_length"):
            raise AudioInputError("Truncating, and padding to max_length, need max_length in samples; pass it.")

        if return_tensors is None:
            return_tensors = "pt" if any(hasattr(row, "numpy") for row in features["input_values"][:1]) else "np"
        rows = [_single_precision(np.asarray(row)) for row in features["input_values"]]
        masks = [np.asarray(row, dtype=np.int32) for row in features.get("attention_mask", [])]
        if return_attention_mask is None:
            return_attention_mask = self.return_attention_mask
        if return_attention_mask and not masks:
            masks = [np.ones(len(row), dtype=np.int32) for row in rows]
        if truncation:
            rows, masks = ([row[: round_up(max_length or 0, pad_to_multiple_of)] for row in r] for r in (rows, masks))
        if strategy != "do_not_pad" and rows:
            length = max(map(len, rows)) if strategy == "longest" else max_length or 0
            length = round_up(length, pad_to_multiple_of)
            rows = [self._padded(row, length, self.padding_value) for row in rows]
            masks = [self._padded(row, length, 0) for row in masks]
        features["input_values"] = rows
        if masks:
            features["attention_mask"] = masks
        return BatchFeature(features, return_tensors)

    def _padded(self, row: Waveform, length: int, value: float) -> Waveform:
        missing = max(0, length - len(row))
        return np.pad(row, (missing, 0) if self.padding_side == "left" else (0, missing), constant_values=value)

    @staticmethod
    def zero_mean_unit_var_norm(
        input_values: Sequence[Waveform], attention_mask: Sequence[Waveform] | None, padding_value: float = 0.0
    ) -> list[Waveform]:
        """Brings waveforms to (x - mean) / sqrt(variance + 1e-7), with the population variance.

        Args:
            input_values: waveforms (samples,).
            attention_mask: of each waveform, which samples count; None for all.
            padding_value: fills the samples that do not count.
        """
        if attention_mask is None:
            return [_normalized(values, None, padding_value) for values in input_values]
        pairs = zip(input_values, attention_mask, strict=True)
        return [_normalized(values, np.asarray(mask), padding_value) for values, mask in pairs]


def _normalized(values: Waveform, mask: Waveform | None, padding_value: float) -> Waveform:
    if mask is None or mask.all():
        return (values - values.mean()) / np.sqrt(values.var() + 1e-7)
    heard = mask.astype(bool)
    counted = values[heard]
    normalized = (values - counted.mean()) / np.sqrt(counted.var() + 1e-7)
    normalized[~heard] = padding_value
    return normalized


def _waveforms(raw_speech: Any) -> list[Waveform]:
    """Returns the waveforms of a call, checked one by one."""
    if isinstance(raw_speech, list | tuple):
        batched = len(raw_speech) > 0 and np.ndim(raw_speech[0]) > 0
        rows = list(raw_speech) if batched else [raw_speech]
    else:
        array = np.asarray(raw_speech)
        rows = list(array) if array.ndim > 1 else [array]
    return [_checked(np.asarray(row), f"waveform {index + 1}" if len(rows) > 1 else "audio")
            for index, row in enumerate(rows)]  # fmt: skip


def _checked(waveform: Waveform, name: str) -> Waveform:
    if waveform.ndim != 1:
        raise AudioInputError(
            f"The {name} has the shape {waveform.shape}; give one row of samples for each, mixed down to mono."
        )
    if not np.issubdtype(waveform.dtype, np.number) or np.iscomplexobj(waveform):
        raise AudioInputError(f"The {name} holds values of type {waveform.dtype}, not samples; give floats.")
    if len(waveform) == 0:
        raise AudioInputError(f"The {name} has no samples; leave it out.")
    if not np.isfinite(waveform).all():
        raise AudioInputError(f"The {name} holds NaN or infinite samples; check where it comes from.")
    return waveform


def _single_precision(waveform: Waveform) -> Waveform:
    return waveform.astype(np.float32) if waveform.dtype == np.float64 else waveform
