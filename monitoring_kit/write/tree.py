"""Writing a compiled system: plan, lock, recover, commit; every refusal of the disk becomes a finding."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from monitoring_kit.conventions import MANIFEST
from monitoring_kit.diagnostics import Report, Span, Stop
from monitoring_kit.emit import Output
from monitoring_kit.write.foreign import tell_foreign
from monitoring_kit.write.plan import Plan, make_plan
from monitoring_kit.write.transaction import WORK, BusyError, commit, locked, recover


def write_tree(out: Path, outputs: Mapping[str, Output], manifest: bytes, report: Report) -> Plan:
    """Make ``out`` hold exactly ``outputs`` and ``manifest`` beside whatever foreign files it has; unchanged files keep their times.

    All or nothing: on an error, which goes to ``report`` and raises ``Stop``, the folder is as it was.
    """
    everything = {**outputs, MANIFEST: Output(manifest)}
    made = _make_folder(out, report)
    try:
        with locked(out):
            if recover(out):
                report.info(
                    "write/recovered",
                    f"an earlier run was interrupted: {out} was put back to what it was before",
                    Span(str(out)),
                )
            plan = make_plan(out, everything, report)
            if report.failed:
                raise Stop
            if plan.writes or plan.orphans:
                commit(out, everything, plan.writes, plan.orphans)
    except BusyError as error:
        report.error("write/busy", str(error), Span(str(out)), help="wait until it is done and run mkit again")
        raise Stop from None
    except OSError as error:
        _remove_folders(made)
        _refused(out, error, report)
        raise Stop from None
    _tell(out, plan, report)
    tell_foreign(out, outputs, plan.orphans, report)
    # The caller counts the generated files, not mkit's own bookkeeping.
    return _without_manifest(plan)


def existing_plan(out: Path, outputs: Mapping[str, Output], manifest: bytes, report: Report) -> Plan:
    """What ``write_tree`` would do now, touching nothing. Which tools verified the tree does not count as a difference."""
    if (out / WORK / "journal").exists():
        report.error(
            "write/interrupted", f"{out} holds an unfinished change of an earlier run", Span(str(out)),
            help="run `mkit generate` once: it puts the folder back in order first",
        )  # fmt: skip
    plan = make_plan(out, {**outputs, MANIFEST: Output(manifest)}, report)
    if MANIFEST in plan.changed and plan.previous is not None:
        import json

        meant = {k: v for k, v in json.loads(manifest).items() if k != "verified"}
        if plan.previous.proof_aside == meant:
            plan.changed.remove(MANIFEST)
            plan.unchanged.append(MANIFEST)
    tell_foreign(out, outputs, plan.orphans, report)
    return plan


def _without_manifest(plan: Plan) -> Plan:
    new, changed, modes, unchanged = (
        [p for p in paths if p != MANIFEST] for paths in (plan.new, plan.changed, plan.modes, plan.unchanged)
    )
    return replace(plan, new=new, changed=changed, modes=modes, unchanged=unchanged)


def _make_folder(out: Path, report: Report) -> list[Path]:
    """Create ``out`` with its parents; the result lists what was created, inner ones first."""
    missing = [p for p in (out, *out.parents) if not os.path.lexists(p)]
    made: list[Path] = []
    try:
        for folder in reversed(missing):
            folder.mkdir()
            made.insert(0, folder)
        if not out.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is not a folder", str(out))
    except OSError as error:
        _remove_folders(made)
        _refused(out, error, report)
        raise Stop from None
    return made


def _remove_folders(made: list[Path]) -> None:
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            return


def _refused(out: Path, error: OSError, report: Report) -> None:
    where = str(error.filename or out)
    span = Span(str(out))
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        report.error(
            "write/disk-full",
            f"there is no room to write to {out}: {error.strerror}",
            span,
            help="the old files are as they were: free some space and run mkit again",
        )
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        report.error(
            "write/read-only",
            f"{out} cannot be written to: {error.strerror}",
            span,
            help=f"choose another folder with -o, or make it writable: chmod u+w {out}",
        )
    elif error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        report.error(
            "write/foreign-file",
            f"{where} {error.strerror or 'is in the way'}",
            span,
            help="move it away, or choose another folder with -o",
        )
    else:
        report.error(
            "write/failed", f"{where} cannot be written: {error.strerror}", span, help="the old files are as they were"
        )


def _tell(out: Path, plan: Plan, report: Report) -> None:
    for path in plan.edited:
        report.info(
            "write/edited",
            f"{path} had been edited by hand and was generated anew",
            Span(str(out / path)),
            help="change the spec instead",
        )
    for path in plan.kept:
        report.warning(
            "write/kept",
            f"{path} is no longer generated, but was edited by hand and was kept",
            Span(str(out / path)),
            help="remove it yourself",
        )
