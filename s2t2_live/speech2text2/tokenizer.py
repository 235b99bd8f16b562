"""Speech2Text2Tokenizer: text to token ids with fastBPE merges, and back. Knows nothing of audio and of the model.

Behaves as the class of that name in transformers 4.37.2, whose files it reads and writes.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from s2t2_live.errors import InputError, TokenInputError
from s2t2_live.speech2text2 import tokenizer_files as files
from s2t2_live.speech2text2.added_tokens import ROLES, AddedToken, split_at_tokens
from s2t2_live.speech2text2.batch import BatchFeature
from s2t2_live.speech2text2.fastbpe import CONTINUES
from s2t2_live.speech2text2.hub import refuse_upload, resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.id_batches import (
    CALL_OPTIONS,
    ENCODE_OPTIONS,
    IdBatches,
    as_lists,
    by_name,
    log_ignored,
    refuse_pairs,
)
from s2t2_live.speech2text2.json_files import write_object

NO_MAX_LENGTH = int(1e30)
"""What transformers stores where a tokenizer has no maximal length."""

_CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


class Speech2Text2Tokenizer(IdBatches):
    """Turns text into token ids and token ids into text.

    Encoding adds neither ``<s>`` nor ``</s>``. Ids that the vocabulary does not have are decoded as ``<unk>``.
    Without merges it can only decode.
    """

    is_fast = False
    """There is one implementation, in Python."""

    def __init__(
        self,
        vocab_file: str | os.PathLike[str],
        bos_token: str | AddedToken | None = "<s>",
        pad_token: str | AddedToken | None = "<pad>",
        eos_token: str | AddedToken | None = "</s>",
        unk_token: str | AddedToken | None = "<unk>",
        do_lower_case: bool = False,
        merges_file: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Reads the vocabulary and the merges.

        Args:
            vocab_file: JSON object, token to id.
            bos_token, pad_token, eos_token, unk_token: special tokens; one that the vocabulary lacks is added to it.
            do_lower_case: lower-case the text before it is encoded.
            merges_file: fastBPE merges; without it the tokenizer can only decode.
            **kwargs: ``model_max_length``, ``padding_side``, ``truncation_side``, ``clean_up_tokenization_spaces``,
                ``split_special_tokens``, ``additional_special_tokens``, ``added_tokens_decoder``,
                ``model_input_names``; all are saved with the tokenizer, as are unknown ones.

        Raises:
            CheckpointError: a file cannot be read.
        """
        added = kwargs.pop("added_tokens_decoder", None) or {}
        super().__init__(
            files.read_vocabulary(Path(vocab_file)),
            dict(kwargs, bos_token=bos_token, pad_token=pad_token, eos_token=eos_token, unk_token=unk_token),
            kwargs.get("additional_special_tokens") or (),
            {int(index): token for index, token in added.items()},
            do_lower_case=do_lower_case,
        )
        self.bpe = files.read_merges(Path(merges_file)) if merges_file is not None else None
        self.model_max_length = kwargs.get("model_max_length") or NO_MAX_LENGTH
        self.padding_side = _side("padding_side", kwargs)
        self.truncation_side = _side("truncation_side", kwargs)
        self.clean_up_tokenization_spaces = kwargs.get("clean_up_tokenization_spaces", True)
        self.split_special_tokens = kwargs.get("split_special_tokens", False)
        self.model_input_names = list(kwargs.get("model_input_names", type(self).model_input_names))
        self.name_or_path = str(kwargs.pop("name_or_path", ""))
        self.processor_class: str | None = kwargs.pop("processor_class", None)

        self._options = {name: value for name, value in kwargs.items() if name not in ROLES}

    # Files

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Speech2Text2Tokenizer:
        """Loads the tokenizer of a folder, of the shipped model, or of a hub id.

        Args:
            pretrained_model_name_or_path: see `resolve_model_folder`, as for ``revision``, ``cache_dir``,
                ``local_files_only``, ``force_download`` and ``token``.
            **kwargs: override what the files say, for example ``do_lower_case=True``.

        Raises:
            ModelNotFoundError: no such folder or hub id.
            CheckpointError: a file is missing or broken.
        """
        hub, overrides = split_hub_options(kwargs)
        folder = resolve_model_folder(pretrained_model_name_or_path, weights=False, **hub)
        options = files.read_options(folder, overrides)
        return cls(**dict(options, name_or_path=os.fspath(pretrained_model_name_or_path)))

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        **upload: Any,
    ) -> tuple[str, ...]:
        """Writes all files of the tokenizer into a folder, which is made if need be; returns their paths.

        Args:
            save_directory: the folder.
            legacy_format: False asks for the one file of a fast tokenizer, which this one has not.
            filename_prefix: begins the names of the files, with a hyphen; such files are not found again by themselves.
            push_to_hub: refused; ``upload``, its options, change nothing.

        Raises:
            InputError: ``push_to_hub`` is true, or ``legacy_format`` false.
            OutputError: a file cannot be written.
        """
        del upload
        refuse_upload(push_to_hub, save_directory)
        if legacy_format is False:
            raise InputError("This tokenizer has no tokenizer.json; leave legacy_format out.")
        folder = Path(save_directory)
        options = {name: getattr(self, name, value) for name, value in self._options.items()}
        options |= {
            "added_tokens_decoder": self.added_tokens_decoder,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "do_lower_case": self.do_lower_case,
            "model_max_length": self.model_max_length,
            "tokenizer_class": type(self).__name__,
            **self.special_tokens_map,
        }
        if self.processor_class is not None:
            options["processor_class"] = self.processor_class
        written = files.write_options(
            folder, options, self.special_tokens_map_extended, self.vocab_size, filename_prefix
        )
        return (*written, *self.save_vocabulary(folder, filename_prefix))

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Writes vocab.json, and merges.txt where there are merges, into a folder; returns their paths."""
        vocab_file = Path(save_directory, files.prefixed(files.VOCAB_FILE, filename_prefix))
        write_object(vocab_file, self.encoder)
        if self.bpe is None:
            return (str(vocab_file),)
        merges_file = Path(save_directory, files.prefixed(files.MERGES_FILE, filename_prefix))
        self.bpe.save(merges_file)
        return str(vocab_file), str(merges_file)

    # Text to ids

    def __call__(
        self,
        text: Any = None,
        text_pair: None = None,
        text_target: Any = None,
        text_pair_target: None = None,
        *positional: Any,
        **options: Any,
    ) -> BatchFeature:
        """Encodes a text or a batch of texts.

        Args:
            text: one text, or several; with ``is_split_into_words`` a list of words, or several such lists.
            text_pair, text_pair_target: refused; this family has no pairs of texts.
            text_target: encoded like ``text``; its ids are returned as ``labels`` (alone: as ``input_ids``).
            **options: ``padding`` (False, True or "longest", "max_length"), ``truncation`` (False, True),
                ``max_length`` in tokens, ``stride``, ``pad_to_multiple_of``, ``return_tensors`` ("pt", "np", None for
                lists), ``return_attention_mask``, ``return_token_type_ids`` (None for what ``model_input_names``
                says), ``return_special_tokens_mask``, ``return_overflowing_tokens``, ``return_length`` (False),
                ``split_special_tokens`` (False), ``add_special_tokens`` (no effect: this family adds none). As in
                4.37.2, ``max_length`` without ``padding`` and ``truncation`` truncates, and unknown options are
                logged and ignored. By position they come in 4.37.2's order, from ``add_special_tokens`` on.

        Returns:
            ``input_ids`` and ``attention_mask``: lists of ints, or (batch, length) of int64. On request likewise
            ``token_type_ids``, all 0, and ``special_tokens_mask``, 1 at padding only, for encoding adds no other
            special token; ``length``, in a batch without padding; and of what was cut off ``overflowing_tokens``,
            with ``stride`` tokens of what was kept, and ``num_truncated_tokens``, the text's length above
            ``max_length``, which is negative for a shorter text.

        Raises:
            TokenInputError: not a text, a pair of texts, no merges, or options that do not fit together.
        """
        refuse_pairs(text_pair, text_pair_target)
        options = by_name(CALL_OPTIONS, positional, options)
        if text is None and text_target is None:
            raise TokenInputError("There is nothing to encode; pass text or text_target.")
        if text is None:
            return self._encoded(text_target, **options)
        encoding = self._encoded(text, **options)
        if text_target is not None:
            encoding["labels"] = self._encoded(text_target, **options)["input_ids"]
        return encoding

    def encode(self, text: Any, text_pair: None = None, *positional: Any, **options: Any) -> Any:
        """Returns the ids of one text; see `encode_plus`."""
        options = by_name(ENCODE_OPTIONS, positional, options)
        return self.encode_plus(text, text_pair, **options)["input_ids"]

    def encode_plus(self, text: Any, text_pair: None = None, *positional: Any, **options: Any) -> BatchFeature:
        """Encodes one text, given as a string, as a list of its tokens or as a list of its ids.

        The options are those of calling the tokenizer; with ``is_split_into_words`` the list is one of words.
        """
        refuse_pairs(text_pair)
        options = by_name(CALL_OPTIONS, positional, options)
        if isinstance(text, str) or options.get("is_split_into_words") or not isinstance(text, list | tuple):
            return self._encoded(text, **options)
        ids = [token if isinstance(token, int) else self.id_of(token) for token in text]
        return self._prepared([ids], batched=False, **options)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: Sequence[Any], *positional: Any, **options: Any
    ) -> BatchFeature:
        """Encodes several texts; an older name of calling the tokenizer."""
        return self._encoded(batch_text_or_text_pairs, **by_name(CALL_OPTIONS, positional, options))

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Changes nothing, for targets are encoded like inputs. Deprecated: pass ``text_target=`` instead."""
        warnings.warn("`as_target_tokenizer` is deprecated; pass the labels as `text_target`.", stacklevel=3)
        yield

    def _encoded(
        self,
        text: Any,
        *,
        is_split_into_words: bool = False,
        split_special_tokens: bool | None = None,
        **options: Any,
    ) -> BatchFeature:
        texts, batched = _rows(text, is_split_into_words)
        rows = [
            [
                self.id_of(token)
                for part in parts
                for token in self.tokenize(part, split_special_tokens=split_special_tokens)
            ]
            for parts in texts
        ]
        return self._prepared(rows, batched=batched, **options)

    def tokenize(self, text: str, *, split_special_tokens: bool | None = None, **unknown: Any) -> list[str]:
        """Returns the pieces of a text as strings; pieces that do not end a word have the suffix ``@@``.

        Unknown options are logged and ignored, as in 4.37.2.

        Raises:
            TokenInputError: not a string, or the tokenizer has no merges.
        """
        log_ignored(unknown)
        if not isinstance(text, str):
            raise TokenInputError(f"The text to encode is a {type(text).__name__}; give a string or a list of strings.")
        if self.do_lower_case:
            text = self._lowered(text)
        split_special = self.split_special_tokens if split_special_tokens is None else split_special_tokens
        tokens: list[str] = []
        for part in [text] if split_special else split_at_tokens(text, self._added.values()):
            if isinstance(part, AddedToken):
                tokens.append(part.content)
                continue
            if self.bpe is None:
                raise TokenInputError(
                    "This tokenizer has no merges.txt, so it can only decode; add the file to encode."
                )
            words = part.lower().split() if self.do_lower_case else part.split()
            for word in words:
                tokens += self.bpe.split(word)
        return tokens

    def _lowered(self, text: str) -> str:
        """Lower-cases all but the special tokens, letter by letter, so that a final sigma stays medial as in 4.37.2."""
        kept = self.all_special_tokens + [t.content for t in self._added.values() if t.normalized and not t.special]
        pattern = "|".join(map(re.escape, kept))
        return re.sub(f"({pattern})|(.)", lambda match: match[1] or match[2].lower(), text)

    # Ids to text

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Joins pieces to a text; the marker of a last piece that does not end its word stays (``here@@``)."""
        return " ".join(tokens).replace(CONTINUES + " ", "")

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        **unknown: Any,
    ) -> str:
        """Turns token ids into text.

        Args:
            token_ids: one id or a sequence of ids: list, array or tensor of one dimension.
            skip_special_tokens: leave the special tokens out. Ids that the vocabulary lacks still print ``<unk>``.
            clean_up_tokenization_spaces: close up English punctuation (" ." to "."); None: as the tokenizer says.
            spaces_between_special_tokens: put blanks around added tokens.
            **unknown: logged and ignored, as in 4.37.2.

        Raises:
            TokenInputError: more than one dimension; `batch_decode` takes two.
        """
        log_ignored(unknown)
        ids = as_lists(token_ids)
        ids = ids if isinstance(ids, list) else [ids]
        if any(isinstance(index, list) for index in ids):
            raise TokenInputError("decode takes the ids of one text; use batch_decode for several.")
        apart = set(self._added_ids) - set(self.all_special_tokens)
        apart |= {token for token in self.additional_special_tokens if self.id_of(token) >= self.vocab_size}
        parts: list[str] = []
        run: list[str] = []
        for token in [*self.convert_ids_to_tokens(ids, skip_special_tokens), None]:
            if token is not None and token not in apart:
                run.append(token)
                continue
            if run:
                parts.append(self.convert_tokens_to_string(run))
                run = []
            if token is not None:
                parts.append(token)
        text = (" " if spaces_between_special_tokens else "").join(parts)
        clean_up = clean_up_tokenization_spaces
        if clean_up is None:
            clean_up = self.clean_up_tokenization_spaces
        return self.clean_up_tokenization(text) if clean_up else text

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **options: Any,
    ) -> list[str]:
        """Decodes several sequences of ids: a list of them, or an array or tensor (batch, length); see `decode`."""
        return [self.decode(ids, skip_special_tokens, clean_up_tokenization_spaces, **options) for ids in sequences]

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Closes up blanks before English punctuation and contractions."""
        for apart, together in _CLEAN_UP:
            out_string = out_string.replace(apart, together)
        return out_string

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size})"


def _rows(text: Any, is_split_into_words: bool) -> tuple[list[Sequence[str]], bool]:
    """Returns the strings of each text, and whether there was a batch of texts."""
    if isinstance(text, str):
        return [[text]], False
    if not isinstance(text, Sequence) or isinstance(text, bytes):
        raise TokenInputError(f"The text to encode is a {type(text).__name__}; give a string or a list of strings.")
    if not is_split_into_words:
        return [[part] for part in text], True
    if text and not isinstance(text[0], str):
        return list(text), True
    return [text], False


def _side(name: str, options: Mapping[str, Any]) -> str:
    side = options.get(name, "right")
    if side not in ("left", "right"):
        raise TokenInputError(f"{name} is {side!r}; use 'left' or 'right'.")
    return str(side)
