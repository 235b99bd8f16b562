"""What the tokenizer and the feature extractor return: a dictionary of lists, arrays or tensors.

Knows nothing of audio or text.
"""

from __future__ import annotations

import copy
from collections import UserDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from s2t2_live.errors import InputError

if TYPE_CHECKING:
    import torch

Padding = Literal["longest", "max_length", "do_not_pad"]


class BatchFeature(UserDict[str, Any]):
    """Named values of one batch, reached by key or as attributes; a slice cuts every value along the batch."""

    def __init__(self, data: dict[str, Any] | None = None, tensor_type: str | None = None) -> None:
        super().__init__(data)
        self.convert_to_tensors(tensor_type)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return {name: value[key] for name, value in self.data.items()}
        return self.data[key]

    def __getattr__(self, name: str) -> Any:
        # `data` itself is missing while copy and pickle build the object.
        if name != "data" and name in self.data:
            return self.data[name]
        raise AttributeError(f"{type(self).__name__} has no attribute or key {name!r}")

    def __copy__(self) -> BatchFeature:
        return type(self)(copy.copy(self.data))

    def convert_to_tensors(self, tensor_type: str | None = None) -> BatchFeature:
        """Turns every value into a tensor, in place.

        Args:
            tensor_type: ``"pt"`` for torch, ``"np"`` for numpy, None to leave the values as they are.

        Raises:
            InputError: an unknown type, or rows of different lengths, which ``"pt"`` cannot hold.
        """
        if tensor_type is None:
            return self
        if tensor_type not in ("pt", "np"):
            raise InputError(f"return_tensors is {tensor_type!r}; use 'pt' for torch, 'np' for numpy, or None.")
        for name, value in self.data.items():
            self.data[name] = _as_torch(name, value) if tensor_type == "pt" else _as_numpy(value)
        return self

    def to(self, *args: Any, **kwargs: Any) -> BatchFeature:
        """Moves the tensors in place, with the arguments of ``torch.Tensor.to``; a dtype changes only floating values.

        Raises:
            InputError: the values are not torch tensors.
        """
        import torch

        device = kwargs.get("device")
        if device is None and args and not isinstance(args[0], torch.dtype):
            device = args[0]
        for name, value in self.data.items():
            if not isinstance(value, torch.Tensor):
                raise InputError(f"{name!r} is not a torch tensor; ask for return_tensors='pt' before calling .to().")
            if value.is_floating_point():
                self.data[name] = value.to(*args, **kwargs)
            elif device is not None:
                self.data[name] = value.to(device)
        return self


def padding_strategy(padding: bool | str) -> Padding:
    """Returns the strategy that the argument ``padding`` names; True means the longest, False none.

    Raises:
        InputError: an unknown name.
    """
    if isinstance(padding, bool):
        return "longest" if padding else "do_not_pad"
    for strategy in ("longest", "max_length", "do_not_pad"):
        if padding == strategy:
            return strategy
    raise InputError(f"padding is {padding!r}; use True, False, 'longest', 'max_length' or 'do_not_pad'.")


def round_up(length: int, multiple: int | None) -> int:
    """Returns the least multiple of ``multiple`` that is not below ``length``."""
    return length if multiple is None else -(-length // multiple) * multiple


def _as_numpy(value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, np.ndarray):
        return value
    if len({len(row) for row in value if isinstance(row, Sequence | np.ndarray)}) > 1:
        ragged = np.empty(len(value), dtype=object)
        ragged[:] = [np.asarray(row) for row in value]
        return ragged
    return np.asarray(value)


def _as_torch(name: str, value: Any) -> torch.Tensor:
    import torch

    if isinstance(value, torch.Tensor):
        return value
    array = _as_numpy(value)
    if array.dtype == object:
        raise InputError(
            f"The rows of {name!r} have different lengths and cannot be one tensor; pass padding=True, "
            "or truncation=True with max_length."
        )
    if array.size == 0 and array.dtype == np.float64:
        array = array.astype(np.int64)  # numpy calls an empty list of token ids float64
    return torch.from_numpy(np.ascontiguousarray(array))
