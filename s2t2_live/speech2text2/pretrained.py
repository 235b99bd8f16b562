"""Base of the models: a configuration, loading from and saving to a model folder. Knows no architecture."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from s2t2_live.errors import CheckpointError, InputError
from s2t2_live.speech2text2.checkpoint import read_tensors, write_tensors
from s2t2_live.speech2text2.model_config import ModelConfig, find_folder

logger = logging.getLogger(__name__)


class PretrainedModel(nn.Module):
    """A module that can be loaded from and saved to a folder in the format of transformers 4.37.2."""

    config_class: ClassVar[type[ModelConfig]]
    base_model_prefix: ClassVar[str] = ""
    """Leading part of the tensors' names in checkpoints of models that are built around this one."""

    config: Any

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if not isinstance(config, self.config_class):
            raise CheckpointError(
                f"{type(self).__name__} needs a {self.config_class.__name__}, not a {type(config).__name__}."
            )
        self.config = config

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    def num_parameters(self, only_trainable: bool = False) -> int:
        return sum(p.numel() for p in self.parameters() if p.requires_grad or not only_trainable)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        config: ModelConfig | str | os.PathLike[str] | None = None,
        torch_dtype: torch.dtype | str | None = None,
        output_loading_info: bool = False,
        low_cpu_mem_usage: bool | None = None,
        revision: str = "main",
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        token: str | None = None,
        **overrides: Any,
    ) -> Any:
        """The model of a folder or hub id, in evaluation mode, on the CPU.

        Nothing is initialised at random and nothing is copied: the parameters are the memory-mapped file, unless
        their type differs. `torch_dtype` is float32 by default; "auto" keeps the file's. `overrides` replace fields of
        the configuration, which is that of the folder or `config`: one, or where to find it. With
        `output_loading_info` the result is the model and a dictionary with the lists `missing_keys`,
        `unexpected_keys` and `mismatched_keys`. `low_cpu_mem_usage` changes nothing: memory is always spared.

        Raises:
            ModelNotFoundError: there is no such folder or hub id.
            InputError: an argument is neither an option nor a field of the configuration.
            CheckpointError: the configuration or the weights are broken, or tensors are missing or misshaped; all of
                them are listed.
            UnsafeCheckpointError: the weights are a pickle that would execute code.
        """
        del low_cpu_mem_usage
        folder = find_folder(
            pretrained_model_name_or_path,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
            token=token,
        )
        if not isinstance(config, ModelConfig):
            config = cls.config_class.from_pretrained(folder if config is None else config)
        if unknown := [name for name in overrides if not hasattr(config, name)]:
            raise InputError(
                f"from_pretrained has no option {', '.join(unknown)}, and {type(config).__name__} no such field."
            )
        if overrides:
            config = config.from_dict(config.to_dict(), **overrides)
        with torch.device("meta"):
            model = cls(config)
        tensors = read_tensors(folder)
        if torch_dtype != "auto":
            dtype = torch_dtype if isinstance(torch_dtype, torch.dtype) else getattr(torch, torch_dtype or "float32")
            tensors = {name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()}
        info = model.assign_tensors(tensors, folder)
        model.load_generation_config(folder)
        model.eval()
        return (model, info) if output_loading_info else model

    def assign_tensors(self, tensors: dict[str, Tensor], origin: Path) -> dict[str, list[str]]:
        """Makes the tensors this model's parameters, without a copy.

        Returns the lists `missing_keys` (computed or initialised instead), `unexpected_keys` (left out) and
        `mismatched_keys` (always empty: they raise).

        Raises:
            CheckpointError: tensors are missing or misshaped; all are listed.
        """
        expected = self.state_dict()
        prefix = f"{self.base_model_prefix}."
        if self.base_model_prefix and not expected.keys() & tensors.keys():
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        tensors = self.prepare_tensors(tensors)
        given = {name: tensor for name, tensor in tensors.items() if name in expected}
        misshaped = [
            f"{name} has the shape {list(given[name].shape)} instead of {list(tensor.shape)}"
            for name, tensor in expected.items()
            if name in given and given[name].shape != tensor.shape
        ]
        missing = [name for name in expected if name not in given]
        derived: dict[str, Tensor] = {}
        floating = next((tensor.dtype for tensor in given.values() if tensor.is_floating_point()), torch.float32)
        for name in missing:
            owner = self.get_submodule(name.rpartition(".")[0])
            derive = getattr(owner, "derive_missing", None)
            value = derive(name.rpartition(".")[2]) if derive is not None else None
            if value is not None:
                derived[name] = value.to(floating) if value.is_floating_point() else value
        lacking = [name for name in missing if name not in derived and not self.is_tied(name)]
        if misshaped or lacking:
            complaints = [f"missing: {', '.join(lacking)}"] if lacking else []
            complaints += [f"misshaped: {'; '.join(misshaped)}"] if misshaped else []
            raise CheckpointError(f"The weights in {origin} do not fit {type(self).__name__}: {'; '.join(complaints)}.")
        unexpected = [name for name in tensors if name not in expected]
        if unexpected:
            logger.warning("%s: not used by %s: %s", origin, type(self).__name__, ", ".join(unexpected))
        self.load_state_dict({**given, **derived}, strict=False, assign=True)
        self.tie_weights()
        return {"missing_keys": missing, "unexpected_keys": unexpected, "mismatched_keys": []}

    def prepare_tensors(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Settles, before the parameters are assigned, what a file leaves open."""
        return tensors

    def is_tied(self, name: str) -> bool:
        """Whether the parameter of that name is another one's double."""
        return False

    def tie_weights(self) -> None:
        """Makes doubles share their storage, where the configuration says so."""

    def load_generation_config(self, folder: Path) -> None:
        """Reads `generation_config.json`, for models that generate."""

    def save_generation_config(self, folder: Path) -> None:
        """Writes `generation_config.json`, for models that generate."""

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        safe_serialization: bool = True,
        max_shard_size: int | str = "5GB",
    ) -> None:
        """Writes `config.json` and the weights in the format of 4.37.2; replaces what was there.

        Raises:
            OutputError: a file cannot be written.
        """
        folder = Path(save_directory)
        self.config.architectures = [type(self).__name__]
        self.config.torch_dtype = str(self.dtype).removeprefix("torch.")
        self.config.save_pretrained(folder)
        self.save_generation_config(folder)
        tensors = {
            name: tensor.detach().contiguous() for name, tensor in self.state_dict().items() if not self.is_tied(name)
        }
        write_tensors(folder, tensors, safe=safe_serialization, max_shard_size=max_shard_size)
