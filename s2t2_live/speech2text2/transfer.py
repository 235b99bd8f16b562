"""Fetches one large file of the Hugging Face hub into its cache, so that a later run goes on where this one stopped.

huggingface_hub itself gave that up in version 2: it starts anew in every process. Knows nothing of models.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.file_download import http_get, repo_folder_name
from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]  # public, not in __all__

_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch_resumable(
    repository: str,
    file: str,
    commit: str,
    *,
    cache_dir: str | Path | None = None,
    token: str | None = None,
    watch: Callable[[int], None] | None = None,
) -> None:
    """Downloads a file into the cache's ``blobs``, from where ``hf_hub_download`` links it; nothing if it is there.

    Args:
        repository: ``owner/name``.
        file: its path in the repository.
        commit: the full hash of the revision.
        cache_dir: the cache, if not the standard one.
        token: access token.
        watch: called with the number of bytes that are there, at the beginning and after every piece of some
            megabytes; what it raises ends the transfer and keeps what is there.

    Raises:
        OSError: the transfer broke off, the disk is full, or what came is not what the hub has.
        huggingface_hub.errors.HfHubHTTPError: the hub refused.
    """
    url = hf_hub_url(repository, file, revision=commit)
    metadata = get_hf_file_metadata(url, token=token)
    if not metadata.etag:
        return
    cache = Path(cache_dir or constants.HF_HUB_CACHE).expanduser().resolve()
    folder = repo_folder_name(repo_id=repository, repo_type="model")
    blob = cache / folder / "blobs" / metadata.etag
    partial = blob.with_name(f"{blob.name}.partial")
    lock = cache / ".locks" / folder / f"{metadata.etag}.lock"
    for parent in (blob.parent, lock.parent):
        parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob.exists():
            return
        headers = build_hf_headers(token=token)
        if urlsplit(metadata.location).netloc != urlsplit(url).netloc:
            headers.pop("authorization", None)  # the storage behind the hub must not see it
        with _WatchedFile(partial, watch or (lambda size: None)) as out:
            http_get(
                metadata.location,
                out,
                resume_size=out.tell(),
                headers=headers,
                expected_size=metadata.size,
                displayed_filename=file,
            )
        if _SHA256.fullmatch(metadata.etag) and _sha256(partial) != metadata.etag:
            partial.unlink()
            raise OSError(f"{file} was damaged on its way")
        partial.rename(blob)


class _WatchedFile(io.BufferedWriter):
    """Appends to a file, and tells its size."""

    def __init__(self, path: Path, watch: Callable[[int], None]) -> None:
        super().__init__(path.open("ab", buffering=0))
        self._watch = watch
        watch(self.tell())

    def write(self, data: Any, /) -> int:
        count = super().write(data)
        self._watch(self.tell())
        return count


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
