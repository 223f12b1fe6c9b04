"""Change many files of a folder as one: after a crash, a full disk or an interrupt the folder is as before or as meant.

Layout of the working folder ``.mkit-transaction`` inside the output folder (so that it is on the same file system):
``new/<n>`` the staged contents, ``old/<n>`` hard links to what they replace, ``journal`` the list of steps. The journal
appears, by rename, when everything is staged and on disk; it disappears when the last step is done. So a folder with
a journal holds an unfinished change, which ``recover`` undoes; one without holds only rubbish.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from monitoring_kit.emit import Output
from monitoring_kit.write.disk import sync_all, sync_folder, write_new

WORK = ".mkit-transaction"
_JOURNAL = "journal"
_KNOWN = frozenset({"new", "old", _JOURNAL, "journal.part"})


class BusyError(Exception):
    """Another mkit is writing to this folder."""


class _Step(NamedTuple):
    """``path`` gets the staged file ``new`` (None: is removed); ``old`` is the link to what was there (None: nothing was).
    ``sha256`` is the staged content's, so that an undo removes only what it wrote."""

    path: str
    new: str | None
    old: str | None
    sha256: str


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder against a second writer. The lock is on the folder itself and dies with the process. Raises ``BusyError``."""
    handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another mkit is writing to {out}") from None
        except OSError as error:
            # NFS cannot lock a folder: better to write without the lock than not at all.
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP):
                raise
        yield
    finally:
        os.close(handle)


def commit(out: Path, outputs: Mapping[str, Output], writes: Sequence[str], removes: Sequence[str]) -> None:
    """Write ``writes`` and remove ``removes`` below ``out``, all or nothing; the caller holds the lock and has recovered.

    Raises ``OSError`` after everything was undone.
    """
    work = out / WORK
    try:
        steps = _stage(out, work, outputs, writes, removes)
        folders = _missing_folders(out, writes)
        _write_journal(work, steps, folders)
        _apply(out, work, steps, folders)
        sync_all([f"{out}/{step.path}" for step in steps], out)
        os.unlink(work / _JOURNAL)
        sync_folder(work)
    except BaseException:
        recover(out)
        raise
    shutil.rmtree(work, ignore_errors=True)
    _prune(out, removes)


def recover(out: Path) -> bool:
    """Undo a change that was not finished; the caller holds the lock. True when there was one.

    Raises ``OSError`` when the disk still refuses: the journal then stays for the next attempt.
    """
    work = out / WORK
    if not os.path.lexists(work):
        return False
    if work.is_symlink() or not work.is_dir() or set(os.listdir(work)) - _KNOWN:
        raise FileExistsError(17, "is in the way and was not made by mkit", str(work))
    unfinished = (work / _JOURNAL).exists()
    if unfinished:
        journal = json.loads((work / _JOURNAL).read_bytes())
        steps = [_Step(**entry) for entry in journal["steps"]]
        _undo(out, work, steps, journal["folders"])
        sync_all([f"{out}/{step.path}" for step in steps], out)
        os.unlink(work / _JOURNAL)
        sync_folder(work)
    shutil.rmtree(work)
    return unfinished


def _stage(
    out: Path, work: Path, outputs: Mapping[str, Output], writes: Sequence[str], removes: Sequence[str]
) -> list[_Step]:
    for folder in (work, work / "new", work / "old"):
        # 0700: staged files may be stricter than the folder's umask would make their parents.
        os.mkdir(folder, 0o700)
    steps = []
    # Texts, not Path objects, which cost more than the calls of the kernel that they are for.
    for number, path in enumerate([*removes, *writes]):
        new = None
        if path in outputs and number >= len(removes):
            new = f"new/{number}"
            write_new(f"{work}/{new}", outputs[path].data, outputs[path].mode)
        old = None
        if os.path.lexists(f"{out}/{path}"):
            old = f"old/{number}"
            _link(out / path, work / old)
        steps.append(_Step(path, new, old, outputs[path].sha256 if new else ""))
    sync_all([f"{work}/{s.new}" for s in steps if s.new], work)
    return steps


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        # Not every file system has hard links (FAT, some network mounts).
        shutil.copy2(source, target)
        with open(target, "rb") as handle:
            os.fsync(handle.fileno())


def _write_journal(work: Path, steps: list[_Step], folders: list[str]) -> None:
    data = json.dumps({"steps": [s._asdict() for s in steps], "folders": folders}).encode()
    write_new(work / "journal.part", data, 0o600, sync=True)
    os.replace(work / "journal.part", work / _JOURNAL)
    sync_folder(work)
    sync_folder(work.parent)


def _apply(out: Path, work: Path, steps: list[_Step], folders: list[str]) -> None:
    # Removals first: a former file may have to become a folder.
    for step in steps:
        if step.new is None:
            os.unlink(out / step.path)
    for folder in folders:
        os.mkdir(out / folder)
    for step in steps:
        if step.new is not None:
            os.replace(f"{work}/{step.new}", f"{out}/{step.path}")


def _undo(out: Path, work: Path, steps: list[_Step], folders: list[str]) -> None:
    for step in steps:
        if step.new is not None and step.old is None:
            _remove_own(out / step.path, step.sha256)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            os.rmdir(out / folder)
    for step in steps:
        # A link that is gone was put back by an earlier attempt.
        if step.old is not None and os.path.lexists(work / step.old):
            os.replace(work / step.old, out / step.path)


def _remove_own(target: Path, sha256: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if not target.is_symlink() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
            os.unlink(target)


def _missing_folders(out: Path, writes: Sequence[str]) -> list[str]:
    """The folders to make, outer ones first."""
    wanted: set[str] = set()
    for path in writes:
        folder = os.path.dirname(path)
        while folder and folder not in wanted:
            wanted.add(folder)
            folder = os.path.dirname(folder)
    return [folder for folder in sorted(wanted) if not (out / folder).is_dir()]


def _prune(out: Path, removes: Sequence[str]) -> None:
    """Remove the folders that the removals left empty; a folder with anything in it stays."""
    for path in removes:
        for parent in PurePosixPath(path).parents:
            if str(parent) == ".":
                break
            try:
                os.rmdir(out / parent)
            except OSError:
                break
