"""Base of the models: a configuration, loading from and saving to a model folder. Knows no architecture."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from s2t2_live.errors import CheckpointError, InputError, sentence
from s2t2_live.speech2text2.checkpoint import Save, new_names, read_tensors, write_tensors
from s2t2_live.speech2text2.hub import refuse_upload, resolve_model_folder, split_hub_options
from s2t2_live.speech2text2.model_config import CONFIG_FILE, ModelConfig

logger = logging.getLogger(__name__)

# What 4.37.2 can do besides: named in a call, but not asked for, they change nothing.
_NOT_HERE = frozenset(
    "from_tf from_flax use_flash_attention_2 device_map max_memory offload_folder "
    "quantization_config load_in_8bit load_in_4bit".split()
)


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
        pretrained_model_name_or_path: str | os.PathLike[str] | None,
        *,
        config: ModelConfig | str | os.PathLike[str] | None = None,
        state_dict: Mapping[str, Tensor] | None = None,
        torch_dtype: torch.dtype | str | None = None,
        output_loading_info: bool = False,
        low_cpu_mem_usage: bool | None = None,
        attn_implementation: str | None = None,
        use_safetensors: bool | None = None,
        ignore_mismatched_sizes: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The model of a folder or hub id, in evaluation mode, on the CPU.

        Nothing is initialised at random and nothing is copied: the parameters are the memory-mapped file, unless
        their type differs. `torch_dtype` is float32 by default; "auto" keeps the file's. Other arguments are those of
        `resolve_model_folder`, or replace fields of the configuration, which is that of the folder or `config`: one,
        or where to find it. A `state_dict` is copied and goes before the file; with it and a `config` the name may be
        None. With `output_loading_info` the result is the model and a dictionary with the lists `missing_keys`,
        `unexpected_keys` and `mismatched_keys`. `low_cpu_mem_usage` changes nothing: memory is always spared. Of
        `attn_implementation` there is "eager" alone, as in 4.37.2 for this family. Where there are safetensors they are
        read; with `use_safetensors` nothing else is. With `ignore_mismatched_sizes` parameters that have another shape
        in the file are drawn at random, as for another vocabulary.

        Raises:
            ModelNotFoundError: there is no such folder or hub id.
            InputError: an argument is neither an option nor a field of the configuration, or there is nothing to load.
            CheckpointError: the configuration or the weights are broken, there are no safetensors but asked for, or
                tensors are missing or misshaped; all of them are listed.
            UnsafeCheckpointError: the weights are a pickle that would execute code.
        """
        del low_cpu_mem_usage
        if attn_implementation not in (None, "eager"):
            raise InputError(f'attn_implementation is "eager" for this family, not {attn_implementation!r}.')
        hub, overrides = split_hub_options(kwargs)
        overrides = {name: value for name, value in overrides.items() if value or name not in _NOT_HERE}
        folder = None
        if pretrained_model_name_or_path is not None:
            folder = resolve_model_folder(pretrained_model_name_or_path, weights=state_dict is None, **hub)
        elif config is None or state_dict is None:
            raise InputError("Name a folder or a hub id, or give both a config and a state_dict.")
        own: Any
        if isinstance(config, ModelConfig):
            own = copy.deepcopy(config)
        elif config is not None:
            own = cls.config_class.from_pretrained(config, **hub)
        else:
            assert folder is not None
            own = cls.config_class.from_pretrained(folder)
        if unknown := [name for name in overrides if not hasattr(own, name)]:
            raise InputError(
                f"from_pretrained has no option {', '.join(unknown)}, and {type(own).__name__} no such field."
            )
        if overrides:
            own = own.from_dict(own.to_dict(), **overrides)
        model = cls._empty(own, "The given configuration" if config is not None else f"{folder}/{CONFIG_FILE}")
        if state_dict is not None:
            tensors = {name: t.detach().to("cpu", copy=True) for name, t in new_names(dict(state_dict)).items()}
        else:
            assert folder is not None
            tensors = read_tensors(folder, hub.get("variant"), safe=bool(use_safetensors))
        if torch_dtype != "auto":
            dtype = getattr(torch, torch_dtype, None) if isinstance(torch_dtype, str) else torch_dtype or torch.float32
            if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
                raise InputError(f'torch_dtype is a floating type such as "float16", or "auto", not {torch_dtype!r}.')
            tensors = {name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()}
        origin = "the given state_dict" if state_dict is not None else str(folder)
        info = model.assign_tensors(tensors, origin, ignore_mismatched_sizes=ignore_mismatched_sizes)
        if folder is not None:
            model.load_generation_config(folder)
        model.eval()
        return (model, info) if output_loading_info else model

    @classmethod
    def _empty(cls, config: Any, origin: str) -> Any:
        """A model without memory. Raises CheckpointError where the values of the configuration give none."""
        try:
            with torch.device("meta"):
                return cls(config)
        except (TypeError, ValueError, AttributeError, AssertionError, RuntimeError, ArithmeticError) as error:
            raise CheckpointError(f"{origin} describes no {cls.__name__} ({sentence(error)}).") from error

    def assign_tensors(
        self, tensors: dict[str, Tensor], origin: str, *, ignore_mismatched_sizes: bool = False
    ) -> dict[str, list[Any]]:
        """Makes the tensors this model's parameters, without a copy; `origin` is where messages say they are.

        Returns the lists `missing_keys` (computed or initialised instead), `unexpected_keys` (left out) and
        `mismatched_keys` (drawn at random: names, shapes given and wanted), the last only where that is allowed.

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
            (name, given[name].shape, tensor.shape)
            for name, tensor in expected.items()
            if name in given and given[name].shape != tensor.shape
        ]
        complaints = [
            f"{name} has the shape {list(found)} instead of {list(wanted)}" for name, found, wanted in misshaped
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
        misfits = [f"missing: {', '.join(lacking)}"] if lacking else []
        misfits += [f"misshaped: {'; '.join(complaints)}"] if complaints and not ignore_mismatched_sizes else []
        if misfits:
            raise CheckpointError(f"The weights in {origin} do not fit {type(self).__name__}: {'; '.join(misfits)}.")
        if misshaped:
            logger.warning("%s: drawn at random: %s", origin, "; ".join(complaints))
            fresh = type(self)(self.config).state_dict()
            given |= {name: fresh[name].to(given[name].dtype) for name, _, _ in misshaped}
        unexpected = [name for name in tensors if name not in expected]
        if unexpected:
            logger.warning("%s: not used by %s: %s", origin, type(self).__name__, ", ".join(unexpected))
        self.load_state_dict({**given, **derived}, strict=False, assign=True)
        self.tie_weights()
        return {"missing_keys": missing, "unexpected_keys": unexpected, "mismatched_keys": misshaped}

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
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        save_function: Save | None = None,
        push_to_hub: bool = False,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        **upload: Any,
    ) -> None:
        """Writes `config.json` and the weights in the format of 4.37.2; replaces what was there.

        Args:
            save_directory: the folder, which is made if need be.
            is_main_process: False writes nothing, so that of several processes one writes.
            state_dict: what to write instead of the model's own weights.
            save_function: writes a pickle, given the tensors and the path, instead of `torch.save`.
            push_to_hub: refused; `upload`, its options, change nothing.
            max_shard_size: bytes, or a text such as "500MB", at which the weights are cut into several files.
            safe_serialization: safetensors, or else a pickle.
            variant: "fp16" writes `model.fp16.safetensors`, beside other weights.

        Raises:
            InputError: `push_to_hub` is true.
            OutputError: a file cannot be written.
        """
        del upload
        refuse_upload(push_to_hub, save_directory)
        if not is_main_process:
            return
        folder = Path(save_directory)
        self.config.architectures = [type(self).__name__]
        self.config.torch_dtype = str(self.dtype).removeprefix("torch.")
        self.config.save_pretrained(folder)
        self.save_generation_config(folder)
        given = self.state_dict() if state_dict is None else state_dict
        tensors = {name: tensor.detach().contiguous() for name, tensor in given.items() if not self.is_tied(name)}
        write_tensors(
            folder,
            tensors,
            safe=safe_serialization,
            max_shard_size=max_shard_size,
            variant=variant,
            save=save_function,
        )
