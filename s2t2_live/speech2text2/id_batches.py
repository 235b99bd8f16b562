"""Rows of token ids, cut, padded and made a batch. Knows no text and no files.

Behaves as the part of `PreTrainedTokenizer` in transformers 4.37.2 that comes after the ids are known.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2t2_live.errors import TokenInputError
from s2t2_live.speech2text2.batch import BatchFeature, padding_strategy, round_up
from s2t2_live.speech2text2.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

_LARGEST_MAX_LENGTH = int(1e20)

CALL_OPTIONS = (
    "add_special_tokens", "padding", "truncation", "max_length", "stride", "is_split_into_words", "pad_to_multiple_of",
    "return_tensors", "return_token_type_ids", "return_attention_mask", "return_overflowing_tokens",
    "return_special_tokens_mask", "return_offsets_mapping", "return_length", "verbose",
)  # fmt: skip
"""Of calling the tokenizer, in the order in which 4.37.2 takes them by position."""
ENCODE_OPTIONS = (*CALL_OPTIONS[:5], "return_tensors")
"""The same of `encode`."""


class IdBatches(Vocabulary):
    """A vocabulary whose ids can be made batches."""

    model_input_names: Sequence[str] = ("input_ids", "attention_mask")
    """What a call returns if it is not told."""

    pad_token_type_id = 0

    model_max_length: int
    """Tokens of a text, at most, where a caller says nothing else."""

    padding_side: str
    truncation_side: str

    def _prepared(
        self,
        rows: list[list[int]],
        *,
        batched: bool,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        pad_to_multiple_of: int | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **unknown: Any,
    ) -> BatchFeature:
        """Makes a batch of the ids of some texts; the options are those of calling the tokenizer.

        Args:
            rows: the ids of each text.
            batched: whether there was a batch of texts; otherwise there is one row, and lists lose their outer level.

        Raises:
            TokenInputError: options that do not fit together.
        """
        del add_special_tokens, verbose  # part of the signature; neither changes a result of this family
        log_ignored(unknown)
        if return_offsets_mapping:
            raise TokenInputError("This tokenizer keeps no offsets into the text; leave out return_offsets_mapping.")
        if truncation is None:
            truncation = max_length is not None and padding is False
        if truncation not in (True, False, "longest_first", "only_first", "only_second", "do_not_truncate"):
            raise TokenInputError(f"truncation is {truncation!r}; use True or False.")
        if truncation and max_length and pad_to_multiple_of and max_length % pad_to_multiple_of and padding:
            raise TokenInputError(
                f"max_length is {max_length}, not a multiple of pad_to_multiple_of={pad_to_multiple_of}; "
                "change one of them."
            )
        truncates = truncation not in (False, "do_not_truncate")
        limit = max_length
        if limit is None and (truncates or padding == "max_length") and self.model_max_length <= _LARGEST_MAX_LENGTH:
            limit = self.model_max_length

        # The second text of a pair is never there, and 4.37.2 does not truncate to nothing.
        longest = limit if truncates and truncation != "only_second" else None
        cuts = [self._cut(row, longest or len(row), stride) for row in rows]
        ids = [kept for kept, _ in cuts]
        columns: dict[str, Any] = {"input_ids": ids}
        if return_token_type_ids or (return_token_type_ids is None and "token_type_ids" in self.model_input_names):
            columns["token_type_ids"] = [[0] * len(row) for row in ids]
        if return_special_tokens_mask:
            columns["special_tokens_mask"] = [self.get_special_tokens_mask(row) for row in ids]
        if return_overflowing_tokens:
            if limit is None:
                raise TokenInputError("return_overflowing_tokens needs max_length in tokens; pass it.")
            columns["overflowing_tokens"] = [overflow for _, overflow in cuts]
            columns["num_truncated_tokens"] = [len(row) - limit for row in rows]
        if return_length and batched:
            columns["length"] = [len(row) for row in ids]
        if not batched and return_tensors is None:
            columns = {name: column[0] for name, column in columns.items()}
        encoding = self.pad(columns, padding, max_length, pad_to_multiple_of, return_attention_mask)
        if return_length and not batched:
            length = encoding["input_ids"]
            encoding["length"] = len(length) if return_tensors is None else [len(length[0])]
        return encoding.convert_to_tensors(return_tensors)

    def _cut(self, ids: list[int], length: int, stride: int) -> tuple[list[int], list[int]]:
        """Returns what is kept of a text, and what is cut off with ``stride`` tokens of what is kept."""
        if len(ids) <= length:
            return ids, []
        overflow = len(ids) - length + stride
        if self.truncation_side == "left":
            return ids[-length:], ids[:overflow]
        return ids[:length], ids[-overflow:]

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchFeature:
        """Pads encoded texts, for example those that a data collator was given.

        Args:
            encoded_inputs: a dictionary with ``input_ids`` of one text or of several, or a list of dictionaries.
            padding, max_length, pad_to_multiple_of, return_attention_mask: as in calling the tokenizer.
            return_tensors: "pt" or "np"; None means the kind of the ``input_ids``.
            verbose: no effect.

        Raises:
            TokenInputError: no ``input_ids``, or no padding token.
        """
        del verbose
        if isinstance(encoded_inputs, Sequence):
            encoded_inputs = {name: [example[name] for example in encoded_inputs] for name in encoded_inputs[0]}
        if "input_ids" not in encoded_inputs:
            raise TokenInputError(f"There are no input_ids to pad, only {', '.join(map(repr, encoded_inputs))}.")
        return_tensors = return_tensors or _tensor_type(encoded_inputs["input_ids"])
        values = {name: as_lists(value) for name, value in encoded_inputs.items()}
        strategy = padding_strategy(padding)
        if strategy == "max_length" and max_length is None:
            if self.model_max_length > _LARGEST_MAX_LENGTH:
                logger.warning("No padding: there is no max_length, and this tokenizer has no maximal length.")
                strategy = "do_not_pad"
            max_length = self.model_max_length
        if strategy != "do_not_pad" and self.pad_token_id is None:
            raise TokenInputError(
                "The tokenizer has no padding token; set tokenizer.pad_token, for example to '<pad>'."
            )

        ids = values["input_ids"]
        single = not (ids and isinstance(ids[0], list))
        if single:
            values = {name: [value] for name, value in values.items()}
        ids = values["input_ids"]
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        if return_attention_mask:
            values.setdefault("attention_mask", [[1] * len(row) for row in ids])
        if strategy != "do_not_pad" and ids:
            length = max(map(len, ids)) if strategy == "longest" else max_length or 0
            length = round_up(length, pad_to_multiple_of)
            fillers = {
                "input_ids": self.pad_token_id,
                "attention_mask": 0,
                "token_type_ids": self.pad_token_type_id,
                "special_tokens_mask": 1,
            }
            for name in fillers.keys() & values.keys():
                values[name] = [self._padded(row, length, fillers[name]) for row in values[name]]
        if single:
            values = {name: value[0] for name, value in values.items()}
        return BatchFeature(values, return_tensors)

    def _padded(self, row: list[int], length: int, filler: int) -> list[int]:
        fill = [filler] * (length - len(row))
        return fill + row if self.padding_side == "left" else row + fill

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens a text may have: ``model_max_length``, for no special tokens are added."""
        return self.model_max_length

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Returns 0: encoding adds no special tokens."""
        del pair
        return 0

    def build_inputs_with_special_tokens(self, token_ids_0: list[int], token_ids_1: None = None) -> list[int]:
        """Returns the ids as they are: encoding adds no special tokens."""
        refuse_pairs(token_ids_1)
        return token_ids_0

    def get_special_tokens_mask(
        self, token_ids_0: Any, token_ids_1: None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """Returns 1 for special tokens and 0 for others.

        Args:
            token_ids_0: the ids of one text.
            token_ids_1: refused; this family has no pairs of texts.
            already_has_special_tokens: False asks for the special tokens that encoding would add, which are none.
        """
        refuse_pairs(token_ids_1)
        special = set(self.all_special_ids) if already_has_special_tokens else set()
        return [int(index in special) for index in as_lists(token_ids_0)]


def refuse_pairs(*texts: Any) -> None:
    if any(text is not None for text in texts):
        raise TokenInputError("This family has no pairs of texts; join them, or encode each by itself.")


def _tensor_type(ids: Any) -> str | None:
    """Returns the kind of a tensor or an array, or of those in a list; None for numbers."""
    first = ids[0] if isinstance(ids, list | tuple) and ids else ids
    if isinstance(first, np.ndarray):
        return "np"
    return "pt" if hasattr(first, "numpy") else None


def by_name(names: Sequence[str], positional: Sequence[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with those that were given by position. Raises TypeError, as any call, for one too many."""
    if len(positional) > len(names) or (twice := [name for name in names[: len(positional)] if name in options]):
        given = f"{twice[0]} twice" if len(positional) <= len(names) else f"more than the {len(names)} options"
        raise TypeError(f"The tokenizer was given {given} by position.")
    return {**dict(zip(names, positional, strict=False)), **options}


def log_ignored(options: Mapping[str, Any]) -> None:
    if options:
        logger.warning("The tokenizer ignores the options %s, which it does not have.", ", ".join(sorted(options)))


def as_lists(value: Any) -> Any:
    """Returns Python numbers and lists for arrays and tensors, also for those inside a list."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [as_lists(item) for item in value] if isinstance(value, list | tuple) else value
