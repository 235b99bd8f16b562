"""Asking the C library to keep freed memory: activations of a training step come and go by the hundred megabytes.

Without this glibc returns them to the system after every step and pages them in again. Knows nothing of training.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Never trim the heap, never use mmap for large blocks. Does nothing where the library is not glibc."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 256 << 20)):
        mallopt(option, value)
