"""The end of a process of seconds: its millions of objects are left to the operating system.

To free them one by one takes a twelfth of the time of `mkit generate` with 1,000 services, and nobody is served by it. mypy ends
the same way (`--fast-exit`).
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TypeVar

T = TypeVar("T")
_kept: list[object] | None = None


def keep_all() -> None:
    """From here on `kept` keeps, and `leave` leaves: only for a process that ends after one command."""
    global _kept
    _kept = []


def kept(thing: T) -> T:
    """``thing``, which is not freed before the process ends, where it is one that `leave` ends."""
    if _kept is not None:
        _kept.append(thing)
    return thing


def leave(code: object) -> None:
    """End the process with an exit code, without freeing anything. Returns where the usual way out is needed: without
    ``keep_all``, with a message instead of a code, and when the output cannot be written, which Python reports."""
    if _kept is None or not (code is None or isinstance(code, int)):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit((code or 0) & 0xFF)
