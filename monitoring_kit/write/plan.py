"""What writing would do to the output folder: looks, touches nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitoring_kit.conventions import MANIFEST
from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.emit import Output
from monitoring_kit.write.manifest import BadManifestError, Manifest, read_manifest


@dataclass(slots=True)
class Plan:
    """Paths by what happens to them. ``modes`` have the right bytes under another mode: writing puts the mode right, but it is
    no drift, for git keeps no modes and a fresh clone would never be clean. ``orphans`` are ours, no longer made, and removed;
    ``kept`` are former files of ours that somebody changed: they are left alone. ``edited`` are changed files that somebody had
    edited by hand."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    previous: Manifest | None = None

    @property
    def writes(self) -> list[str]:
        return [*self.new, *self.changed, *self.modes]

    @property
    def nothing(self) -> bool:
        """True when the folder already holds what it should, whatever the modes are."""
        return not (self.new or self.changed or self.orphans)

    def summary(self) -> str:
        """``3 new, 1 changed, 20 unchanged, 1 removed``."""
        counts = [
            (len(self.new), "new"), (len(self.changed), "changed"), (len(self.modes), "with permissions put right"),
            (len(self.unchanged), "unchanged"), (len(self.orphans), "removed"),
        ]  # fmt: skip
        return ", ".join(f"{n} {word}" for n, word in counts if n) or "nothing to write"


def make_plan(out: Path, outputs: Mapping[str, Output], report: Report) -> Plan:
    """Compare ``outputs`` with the folder. Only files in the previous manifest are ours: anything else in the way is the
    error ``write/foreign-file``, unless it holds the very bytes that would be written."""
    plan = Plan()
    try:
        plan.previous = read_manifest(out)
    except BadManifestError as error:
        report.error(
            "write/foreign-file",
            str(error),
            Span(str(out / MANIFEST)),
            help="move it away, or choose another folder with -o",
        )
        return plan
    ours = plan.previous.files if plan.previous else {}
    folders = _Folders(out, ours)
    for path, output in outputs.items():
        try:
            _place(folders, path, output, plan, report)
        except OSError as error:
            span = Span(str(out / path))
            report.error(
                "file/unreadable", f"{path} cannot be compared: {error.strerror}", span, help=f"chmod u+rw {out / path}"
            )
    for path in sorted(ours.keys() - outputs.keys()):
        try:
            data, _ = folders.read(path)
        except OSError:
            data = b""
        if data is not None and path != MANIFEST:
            # Somebody made it their own: losing their work would be worse than a leftover.
            (plan.orphans if _digest(data) == ours[path] else plan.kept).append(path)
    return plan


def _place(folders: _Folders, path: str, output: Output, plan: Plan, report: Report) -> None:
    out, ours = folders.out, folders.ours
    if blocker := folders.blocker(path):
        report.error(
            "write/foreign-file", f"{blocker} is in the way of {path} and was not written by mkit", Span(f"{out}/{blocker}"),
            help="mkit never overwrites or removes what it did not write: move it away, or choose another folder with -o",
        )  # fmt: skip
        return
    data, mode = folders.read(path)
    if data is None:
        plan.new.append(path)
    elif data == output.data:
        (plan.unchanged if mode == output.mode else plan.modes).append(path)
    elif path in ours or (path == MANIFEST and plan.previous is not None):
        plan.changed.append(path)
        if path in ours and _digest(data) != ours[path]:
            plan.edited.append(path)
    else:
        report.error(
            "write/foreign-file", f"{path} already exists and was not written by mkit", Span(f"{out}/{path}"),
            help="mkit never overwrites what it did not write: move it away, or choose another folder with -o",
        )  # fmt: skip


class _Folders:
    """What stands in the output folder. Each folder is looked at once, however many files it holds."""

    def __init__(self, out: Path, ours: Mapping[str, str]) -> None:
        self.out = str(out)
        self.ours = ours
        # By folder: whether it is there, or what is in its way.
        self._seen: dict[str, bool | str] = {"": True}

    def blocker(self, path: str) -> str | None:
        """The part of ``path`` that is something else than it must be: a link, a folder as file, a file as folder."""
        state = self._folder(path.rpartition("/")[0])
        if state is True:
            mode = self._mode(path)
            return path if mode is not None and not stat.S_ISREG(mode) else None
        return state or None

    def read(self, path: str) -> tuple[bytes | None, int]:
        """The bytes and permissions of a regular file that is reached through no link; None for anything else."""
        if self._folder(path.rpartition("/")[0]) is not True:
            return None, 0
        mode = self._mode(path)
        if mode is None or not stat.S_ISREG(mode):
            return None, 0
        with open(f"{self.out}/{path}", "rb") as file:
            return file.read(), stat.S_IMODE(mode)

    def _folder(self, folder: str) -> bool | str:
        state = self._seen.get(folder)
        if state is None:
            state = self._folder(folder.rpartition("/")[0])
            if state is True:
                mode = self._mode(folder)
                former_file = mode is not None and folder in self.ours and stat.S_ISREG(mode)
                state = False if mode is None or former_file else stat.S_ISDIR(mode) or folder
            self._seen[folder] = state
        return state

    def _mode(self, path: str) -> int | None:
        try:
            return os.lstat(f"{self.out}/{path}").st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
