"""Speech2Text2Processor: the feature extractor and the tokenizer behind one call. Knows nothing of the model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from s2t2_live.errors import InputError
from s2t2_live.speech2text2.batch import BatchFeature
from s2t2_live.speech2text2.feature_extractor import Wav2Vec2FeatureExtractor
from s2t2_live.speech2text2.hub import resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.tokenizer import Speech2Text2Tokenizer


class Speech2Text2Processor:
    """Prepares audio with a feature extractor, and encodes and decodes text with a tokenizer."""

    def __init__(self, feature_extractor: Wav2Vec2FeatureExtractor, tokenizer: Speech2Text2Tokenizer) -> None:
        for name, value, wanted in (
            ("feature_extractor", feature_extractor, Wav2Vec2FeatureExtractor),
            ("tokenizer", tokenizer, Speech2Text2Tokenizer),
        ):
            if not isinstance(value, wanted):
                raise InputError(f"{name} is a {type(value).__name__}; give a {wanted.__name__}.")
        self.feature_extractor = feature_extractor
        self.tokenizer = tokenizer
        self.current_processor: Wav2Vec2FeatureExtractor | Speech2Text2Tokenizer = feature_extractor

    @property
    def model_input_names(self) -> list[str]:
        """Those of the feature extractor."""
        return list(self.feature_extractor.model_input_names)

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
    ) -> Speech2Text2Processor:
        """Loads the processor of a folder, of the shipped model, or of a hub id.

        Args:
            pretrained_model_name_or_path, cache_dir, force_download, local_files_only, token, revision: see
                `resolve_model_folder`.
            **kwargs: override what the files say.

        Raises:
            ModelNotFoundError: no such folder or hub id.
            CheckpointError: a file is missing or broken.
        """
        hub, overrides = split_hub_options(kwargs, cache_dir, force_download, local_files_only, token, revision)
        folder = resolve_model_folder(pretrained_model_name_or_path, weights=False, **hub)
        return cls(
            Wav2Vec2FeatureExtractor.from_pretrained(folder, **overrides),
            Speech2Text2Tokenizer.from_pretrained(folder, **overrides),
        )

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **upload: Any
    ) -> list[str]:
        """Writes the files of both parts into a folder, which is made if need be; returns their paths.

        Raises:
            InputError: ``push_to_hub`` is true; ``upload``, its options, change nothing.
        """
        for part in (self.feature_extractor, self.tokenizer):
            part.processor_class = type(self).__name__
        paths = self.feature_extractor.save_pretrained(save_directory, push_to_hub, **upload)
        return paths + list(self.tokenizer.save_pretrained(save_directory))

    def __call__(self, *args: Any, **kwargs: Any) -> BatchFeature:
        """Prepares audio, text, or both.

        Args:
            audio: waveforms, as the feature extractor takes them; also the first positional argument.
            text: texts, as the tokenizer takes them.
            sampling_rate: of the audio, in hertz.
            **kwargs: passed to both.

        Returns:
            the features of the audio, with the ids of the text as ``labels``; or the encoding of the text alone.

        Raises:
            InputError: neither audio nor text.
            AudioInputError, TokenInputError: from the parts.
        """
        if self.current_processor is not self.feature_extractor:
            return self.current_processor(*args, **kwargs)
        if "raw_speech" in kwargs:
            warnings.warn("`raw_speech` is deprecated; pass the audio as `audio`.", stacklevel=2)
            kwargs["audio"] = kwargs.pop("raw_speech")
        audio = kwargs.pop("audio", None)
        text = kwargs.pop("text", None)
        sampling_rate = kwargs.pop("sampling_rate", None)
        if args:
            audio, args = args[0], args[1:]
        if audio is None and text is None:
            raise InputError("There is nothing to process; pass audio, text, or both.")
        if audio is None:
            return self.tokenizer(text, **kwargs)
        extract: Callable[..., BatchFeature] = self.feature_extractor
        features = extract(audio, *args, sampling_rate=sampling_rate, **kwargs)
        if text is not None:
            features["labels"] = self.tokenizer(text, **kwargs)["input_ids"]
        return features

    def batch_decode(self, *args: Any, **kwargs: Any) -> list[str]:
        """Passes on to `Speech2Text2Tokenizer.batch_decode`."""
        return self.tokenizer.batch_decode(*args, **kwargs)

    def decode(self, *args: Any, **kwargs: Any) -> str:
        """Passes on to `Speech2Text2Tokenizer.decode`."""
        return self.tokenizer.decode(*args, **kwargs)

    @contextmanager
    def as_target_processor(self) -> Iterator[None]:
        """Makes calls go to the tokenizer. Deprecated: pass ``text=`` to the call instead."""
        warnings.warn("`as_target_processor` is deprecated; pass the labels as `text` to the call.", stacklevel=3)
        self.current_processor = self.tokenizer
        try:
            yield
        finally:
            self.current_processor = self.feature_extractor

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.feature_extractor!r}, {self.tokenizer!r})"
