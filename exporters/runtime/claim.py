"""One process at a time: a lock beside a file, which dies with the process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from .errors import ConfigError
from .folders import folder_fault


class Claim:
    """The right to use ``path``: an flock on ``PATH.lock``, in the same folder, which is written anyway.

    ``what`` names the file in errors, ``other`` says how to get another. ConfigError when another process (or another
    claim of this one) has it, or the lock file cannot be made. The lock file stays: whoever removed it could remove
    that of the next process.
    """

    def __init__(self, path: Path, what: str, other: str) -> None:
        # Two names of one file must meet at one lock.
        self._file = f"{os.path.realpath(path)}.lock"
        self._says = f"{what} {path}"
        self._other = other
        self._descriptor = self._locked()

    def _locked(self) -> int:
        try:
            descriptor = _opened(self._file)
        except OSError as error:
            cause = folder_fault(Path(self._file), makes=False)
            cause = cause or f"cannot open the lock file {self._file} ({error.strerror}): let this user write it"
            raise ConfigError(f"{self._says}: {cause}, or {self._other}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            taken = isinstance(error, BlockingIOError)
            why = "another exporter uses it; stop that one"
            if not taken:
                why = f"cannot lock {self._file} ({error.strerror}): put it on a file system that has locks"
            raise ConfigError(f"{self._says}: {why}, or {self._other}") from None
        return descriptor

    def renew(self) -> None:
        """Lock anew where the lock file was removed meanwhile; ConfigError when another process was faster."""
        try:
            there = os.path.samestat(os.fstat(self._descriptor), os.stat(self._file))
        except OSError:
            there = False
        if not there:
            fresh = self._locked()
            os.close(self._descriptor)
            self._descriptor = fresh

    def close(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _opened(file: str) -> int:
    """The lock file. One that another user of our group left can be read only, which is enough to lock it."""
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except PermissionError:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
