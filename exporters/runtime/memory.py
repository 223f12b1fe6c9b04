"""What the C library's allocator keeps."""

from __future__ import annotations

import contextlib

# glibc's malloc.h
_M_ARENA_MAX = -8
ARENAS = 2


def few_arenas() -> None:
    """Let all threads share a few of malloc's arenas; where the C library is not glibc, nothing happens.

    By default there are eight a core, every new thread takes another one, and each keeps what it once needed: the threads
    of an exporter, which come and go with its queries, would make it grow for hours.
    """
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)
