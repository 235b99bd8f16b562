"""Finds the folder of a model: on disk, shipped with the program, or on the Hugging Face hub.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from s2t2_live.assets import asset
from s2t2_live.errors import DownloadCancelledError, InputError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[int, int], None]
"""Takes the bytes done and the bytes in all."""

SHIPPED_MODEL = "demo-en-de"

SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "confidence.json",
    "spectrum.json",
)

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Formats of the weights, best first; each is whole, or in shards beside an index."""

_POSITIONAL = ("cache_dir", "force_download", "local_files_only", "token", "revision")
_OPTIONS = (*_POSITIONAL, "subfolder", "variant")
_DROPPED = ("use_auth_token", "proxies", "resume_download", "trust_remote_code", "mirror")
_HUB_ID = re.compile(r"(?!.*(--|\.\.|\.git$))\w([\w.-]*\w)?/\w([\w.-]{0,94}\w)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def resolve_model_folder(
    name_or_path: str | os.PathLike[str],
    *,
    revision: str = "main",
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | None = None,
    subfolder: str = "",
    variant: str | None = None,
    weights: bool = True,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Returns a local folder with the files of a model.

    Args:
        name_or_path: an existing folder, which is returned as it is; ``"demo-en-de"``, the checkpoint that ships with
            the program; or a hub id ``owner/name``, which is downloaded into the Hugging Face cache.
        revision: branch, tag or commit on the hub.
        cache_dir: the cache, if not the standard one, which is Hugging Face's or, as in 4.37.2, that of the environment
            variable ``TRANSFORMERS_CACHE``.
        local_files_only: do not use the network (so does the environment variable ``HF_HUB_OFFLINE=1``).
        force_download: fetch files again that the cache has.
        token: access token of a private or gated repository.
        subfolder: the folder inside of the folder or repository that has the files.
        variant: which weights, where there are several: ``"fp16"`` for ``model.fp16.safetensors``.
        weights: False leaves the weights out, for those who need only the tokenizer or the feature extractor.
        progress: called with the bytes that are there and the bytes of all files that were not in the cache; not at
            all where nothing is to be downloaded.
        cancelled: asked before every file and after every few megabytes whether to stop.

    Of the weights one format is fetched, safetensors where there is one. A transfer that was cut off goes on where
    it stopped when the call is repeated.

    Raises:
        ModelNotFoundError: no such model, or it cannot be fetched.
        DownloadCancelledError: `cancelled` said so; another call goes on where this one stopped.
    """
    name = os.fspath(name_or_path)
    path = Path(name).expanduser()
    if name and path.is_dir():
        if not (path / subfolder).is_dir():
            raise ModelNotFoundError(f"The model folder {name!r} has no subfolder {subfolder!r}; check the spelling.")
        return path / subfolder
    if name == SHIPPED_MODEL:
        try:
            return asset(name)
        except FileNotFoundError as error:
            raise ModelNotFoundError(str(error)) from error
    if name and path.exists():
        raise ModelNotFoundError(f"The model {name!r} is a file; give the folder that holds its config.json.")
    if not _HUB_ID.fullmatch(name):
        raise ModelNotFoundError(
            f"There is no model {name!r}: it is no folder, not {SHIPPED_MODEL!r}, and no hub id like 'owner/name'."
        )

    from huggingface_hub.constants import HF_HUB_OFFLINE

    cache_dir = cache_dir or os.environ.get("TRANSFORMERS_CACHE")
    needed = _Wanted(f"{subfolder.strip('/')}/" if subfolder else "", weights, variant)
    if local_files_only or HF_HUB_OFFLINE:
        return _cached(name, revision, cache_dir, needed)
    if _COMMIT.fullmatch(revision) and not force_download:
        with contextlib.suppress(ModelNotFoundError):
            return _cached(name, revision, cache_dir, needed)
    try:
        with _explained(name, revision):
            meter = _Meter(name, progress or (lambda done, total: None), cancelled or (lambda: False))
            return _downloaded(name, revision, cache_dir, force_download, token, needed, meter)
    except _NetworkError as error:
        with contextlib.suppress(ModelNotFoundError):
            folder = _cached(name, revision, cache_dir, needed)
            logger.warning("The hub cannot be reached (%s); using the copy of %s in the cache.", error.reason, name)
            return folder
        raise


def split_hub_options(kwargs: dict[str, Any], *positional: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments of `resolve_model_folder` among those of a ``from_pretrained``, and the others.

    `positional` are those that 4.37.2 takes by position after the name. ``use_auth_token`` is an old name of ``token``;
    what 4.37.2 knows beside them of downloads is dropped.
    """
    chosen = dict(zip(_POSITIONAL, positional, strict=False))
    chosen |= {name: kwargs[name] for name in _OPTIONS if name in kwargs}
    if kwargs.get("use_auth_token") is not None and chosen.get("token") is None:
        chosen["token"] = kwargs["use_auth_token"]
    return chosen, {name: value for name, value in kwargs.items() if name not in (*_OPTIONS, *_DROPPED)}


def refuse_upload(push_to_hub: bool, folder: str | os.PathLike[str]) -> None:
    """Raises InputError where ``save_pretrained`` shall upload, with what does it instead."""
    if push_to_hub:
        raise InputError(f"save_pretrained does not upload; save, then run: hf upload REPOSITORY {folder}")


def with_variant(file: str, variant: str | None) -> str:
    """Returns the name that a file of the weights, or their index, has in a variant."""
    stem, suffix = os.path.splitext(file)
    return f"{stem}.{variant}{suffix}" if variant else file


@dataclass(frozen=True)
class _Wanted:
    """The files that are needed; `prefix` is the subfolder with a slash, or nothing."""

    prefix: str
    weights: bool
    variant: str | None


class _Meter:
    """Adds up the files of a download, and ends it when it is not wanted any more."""

    def __init__(self, name: str, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self._name = name
        self._progress = progress
        self._cancelled = cancelled
        self._total = 0
        self._done = 0

    def begin(self, sizes: Iterable[int]) -> None:
        """With the bytes of the files that are to come."""
        self._total = sum(sizes)
        self.show(0)

    def show(self, size: int) -> None:
        """So many bytes of the present file are there. Raises DownloadCancelledError."""
        if self._total:
            self._progress(min(self._done + size, self._total), self._total)
        if self._cancelled():
            raise DownloadCancelledError(
                f"The download of {self._name!r} was stopped; what has come is kept, the next one goes on from there."
            )

    def finish(self, size: int) -> None:
        """The present file of so many bytes is complete."""
        self._done += size
        self.show(0)


class _NetworkError(ModelNotFoundError):
    """The hub did not answer, or broke off; the cache may still have the model."""

    def __init__(self, message: str, reason: BaseException) -> None:
        super().__init__(message)
        self.reason = reason


def _downloaded(
    name: str,
    revision: str,
    cache_dir: str | Path | None,
    force_download: bool,
    token: str | None,
    needed: _Wanted,
    meter: _Meter,
) -> Path:
    import huggingface_hub

    from s2t2_live.speech2text2.transfer import fetch_resumable

    info = huggingface_hub.HfApi(token=token).model_info(name, revision=revision, files_metadata=True)
    prefix = needed.prefix
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    offered = {path.removeprefix(prefix): size for path, size in sizes.items() if path.startswith(prefix)}
    wanted = [file for file in SMALL_FILES if file in offered]
    if needed.weights:
        chosen = _weight_files(offered, needed.variant)
        if not chosen:
            files = " and no ".join(prefix + with_variant(file, needed.variant) for file in WEIGHTS)
            raise ModelNotFoundError(
                f"The hub repository {name!r} has no {files}; choose a repository with PyTorch weights."
            )
        wanted += chosen
    if not wanted or (needed.weights and "config.json" not in wanted):
        raise ModelNotFoundError(
            f"The hub repository {name!r} has no {prefix}config.json; choose one that holds a model."
        )
    cached = huggingface_hub.try_to_load_from_cache
    missing = {
        file: offered[file]
        for file in wanted
        if force_download or not isinstance(cached(name, prefix + file, cache_dir, revision=info.sha), str)
    }
    meter.begin(missing.values())
    # One after the other, and in this thread, so that Ctrl-C ends a long transfer at once.
    for file in wanted:
        if file not in SMALL_FILES and not force_download:
            fetch_resumable(name, prefix + file, str(info.sha), cache_dir=cache_dir, token=token, watch=meter.show)
        huggingface_hub.hf_hub_download(
            name, prefix + file, revision=info.sha, cache_dir=cache_dir, force_download=force_download, token=token
        )
        meter.finish(missing.get(file, 0))
    # Asked for by the name of the revision, the cache remembers which commit that is.
    known = huggingface_hub.hf_hub_download(
        name, prefix + wanted[0], revision=revision, cache_dir=cache_dir, token=token
    )
    return Path(known).parent


def _cached(name: str, revision: str, cache_dir: str | Path | None, needed: _Wanted) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    way_out = "run once with a network and without --offline (local_files_only) to download it"
    patterns = [needed.prefix + file for file in SMALL_FILES]
    try:
        snapshot = huggingface_hub.snapshot_download(
            name, revision=revision, cache_dir=cache_dir, local_files_only=True, allow_patterns=patterns
        )
        folder = Path(snapshot, needed.prefix)
        folder.stat()  # an OSError where the cache lacks the subfolder
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFoundError(
            f"There is no folder {name!r}, and the hub's model of that name (revision {revision}) is not in the cache; "
            f"{way_out}."
        ) from error
    if needed.weights and not _weights_complete(folder, needed.variant):
        raise ModelNotFoundError(f"The copy of {name!r} in the cache ({folder}) has no complete weights; {way_out}.")
    return folder


def _weight_files(names: Iterable[str], variant: str | None) -> list[str]:
    """Returns the file names of the best format on offer, the index first, or none."""
    offered = set(names)
    for file in WEIGHTS:
        whole, index = with_variant(file, variant), with_variant(f"{file}.index.json", variant)
        if whole in offered:
            return [whole]
        if index in offered:
            stem, suffix = map(re.escape, os.path.splitext(whole))
            shard = re.compile(rf"{stem}-\d+-of-\d+{suffix}")
            return [index, *sorted(name for name in offered if shard.fullmatch(name))]
    return []


def _weights_complete(folder: Path, variant: str | None) -> bool:
    files = _weight_files((file.name for file in folder.iterdir()), variant)
    if not files or not files[0].endswith(".json"):
        return bool(files)
    shards = json.loads((folder / files[0]).read_text(encoding="utf-8"))["weight_map"].values()
    return all((folder / shard).exists() for shard in shards)


@contextlib.contextmanager
def _explained(name: str, revision: str) -> Iterator[None]:
    """Turns the errors of the hub's client into one sentence with the way out."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The client's own name for any failure below the level of HTTP; its library changed between versions 1 and 2.
    transport: type[BaseException] = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    try:
        yield
    except (ModelNotFoundError, DownloadCancelledError):
        raise
    except GatedRepoError as error:
        raise ModelNotFoundError(
            f"The hub repository {name!r} is gated; ask for access on its page and log in with 'hf auth login'."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelNotFoundError(
            f"There is no model {name!r}: neither a folder nor a public hub repository; check the spelling, "
            "or log in with 'hf auth login' if it is private."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelNotFoundError(f"The hub repository {name!r} has no revision {revision!r}; try 'main'.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, transport, OSError) as error:
        raise _NetworkError(
            f"The model {name!r} could not be downloaded ({_first_line(error)}); check the network and the free disk "
            "space, and repeat the command: the transfer goes on where it stopped.",
            error,
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
