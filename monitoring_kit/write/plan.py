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
    for path, output in outputs.items():
        try:
            _place(out, path, output, ours, plan, report)
        except OSError as error:
            span = Span(str(out / path))
            report.error(
                "file/unreadable", f"{path} cannot be compared: {error.strerror}", span, help=f"chmod u+rw {out / path}"
            )
    for path in sorted(ours.keys() - outputs.keys()):
        try:
            data = _content(out, path)
        except OSError:
            data = b""
        if data is not None and path != MANIFEST:
            # Somebody made it their own: losing their work would be worse than a leftover.
            (plan.orphans if _digest(data) == ours[path] else plan.kept).append(path)
    return plan


def _place(out: Path, path: str, output: Output, ours: Mapping[str, str], plan: Plan, report: Report) -> None:
    if blocker := _blocker(out, path, ours):
        report.error(
            "write/foreign-file", f"{blocker} is in the way of {path} and was not written by mkit", Span(str(out / blocker)),
            help="mkit never overwrites or removes what it did not write: move it away, or choose another folder with -o",
        )  # fmt: skip
        return
    data = _content(out, path)
    if data is None:
        plan.new.append(path)
    elif data == output.data:
        same_mode = stat.S_IMODE((out / path).stat().st_mode) == output.mode
        (plan.unchanged if same_mode else plan.modes).append(path)
    elif path in ours or (path == MANIFEST and plan.previous is not None):
        plan.changed.append(path)
        if path in ours and _digest(data) != ours[path]:
            plan.edited.append(path)
    else:
        report.error(
            "write/foreign-file", f"{path} already exists and was not written by mkit", Span(str(out / path)),
            help="mkit never overwrites what it did not write: move it away, or choose another folder with -o",
        )  # fmt: skip


def _blocker(out: Path, path: str, ours: Mapping[str, str]) -> str | None:
    """The part of ``path`` that is something else than it must be: a link, a folder as file, a file as folder."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        try:
            mode = os.lstat(out / name).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        wanted = stat.S_ISREG(mode) if depth == len(parts) else stat.S_ISDIR(mode)
        if not wanted:
            return None if name in ours and stat.S_ISREG(mode) else name
    return None


def _content(out: Path, path: str) -> bytes | None:
    """The bytes of a regular file below ``out`` that is reached through no link; None for anything else."""
    target = out / path
    try:
        if not stat.S_ISREG(os.lstat(target).st_mode) or target.parent.resolve() != out.resolve() / Path(path).parent:
            return None
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
