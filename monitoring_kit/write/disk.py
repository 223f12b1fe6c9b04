"""Putting bytes on the disk so that they survive a power cut."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

# One fsync costs a disk flush; from here on flushing the file system once is cheaper.
_MANY = 64


def write_new(path: str | Path, data: bytes, mode: int, *, sync: bool = False) -> None:
    """Create ``path``, which must not exist, with exactly this mode whatever the umask is. Raises ``OSError``."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fchmod(handle, mode)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: str | Path) -> None:
    """Flush a folder's entries (names), which fsync on a file does not."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Sequence[str], folder: Path) -> None:
    """Flush these files, where they still exist, and the folders that hold them; ``folder`` names their file system."""
    if len(paths) > _MANY and _sync_file_system(folder):
        return
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for parent in sorted({os.path.dirname(path) for path in paths}):
        if os.path.isdir(parent):
            sync_folder(parent)


def _sync_file_system(folder: Path) -> bool:
    """Linux' syncfs(2); False where there is none."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), "the file system could not be flushed", str(folder))
        return True
    finally:
        os.close(handle)
