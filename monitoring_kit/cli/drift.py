"""`mkit generate --check`: is the output folder what the spec says?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_kit.cli.console import failing, show_findings, wants_color
from monitoring_kit.diagnostics.diagnostic import Report, Severity

if TYPE_CHECKING:
    from monitoring_kit.pipeline import Compilation
    from monitoring_kit.verify import Verification
    from monitoring_kit.write import Plan
    from monitoring_kit.write.change import Change

# A new label or interval changes every file: a list of them all would hide the meaning.
_SHOWN = 10


def manifest_of(compilation: Compilation, proof: Verification | None) -> bytes:
    """The manifest of a compilation that came through."""
    from monitoring_kit.write import manifest_bytes

    system = compilation.system
    assert system is not None
    return manifest_bytes(
        compilation.outputs, spec_file=os.path.basename(system.path), spec_sha256=system.sha256, environment=system.environment,
        targets=targets_of(compilation),
        verified=proof.tools if proof else False, skipped=proof.skipped if proof else (),
    )  # fmt: skip


def targets_of(compilation: Compilation) -> dict[str, str]:
    """The versions that the files must load in, by server."""
    assert compilation.system is not None
    compatibility = compilation.system.spec.compatibility
    return {name: str(getattr(compatibility, name)) for name in ("prometheus", "alertmanager", "grafana")}


def run_check(compilation: Compilation, out: Path, form: str, fail_on: Severity, min_severity: Severity) -> int:
    """Compare, print findings and the difference in meaning; the exit code."""
    from monitoring_kit.diagnostics import Span
    from monitoring_kit.write import existing_plan
    from monitoring_kit.write.diff import difference

    report = compilation.report
    more: dict[str, Any] = {"out": str(out), "drift": None}
    if failing(report, fail_on):
        show_findings(report, form, min_severity, more)
        return 1
    plan = existing_plan(out, compilation.outputs, manifest_of(compilation, None), report)
    if report.failed:
        show_findings(report, form, min_severity, more)
        return 1
    changes = [] if plan.nothing else difference(out, plan.previous, compilation.outputs)
    if plan.nothing and plan.previous and plan.previous.data.get("verified") is False:
        help_ = "run `mkit generate` without --no-verify"
        report.warning("verify/off", f"{out} was written without verification", Span(str(out)), help=help_)
    if form in ("sarif", "github"):
        _report_drift(out, plan, report)
    drift = {"new": plan.new, "changed": plan.changed, "removed": plan.orphans}
    more |= {"drift": not plan.nothing, "plan": drift, "changes": [c.plain() for c in changes]}
    show_findings(report, form, min_severity, more)
    if form == "text":
        _tell(out, plan, changes, len(compilation.outputs))
    return 1 if not plan.nothing or failing(report, fail_on) else 0


def _states(plan: Plan) -> list[tuple[str, str]]:
    """Path and what is wrong with it."""
    return [
        *((path, "is missing") for path in plan.new),
        *((path, "differs from what the spec says") for path in plan.changed),
        *((path, "is no longer in the spec") for path in plan.orphans),
    ]


def _report_drift(out: Path, plan: Plan, report: Report) -> None:
    """A finding a file, for formats that have nothing but findings."""
    from monitoring_kit.diagnostics import Span

    for path, state in _states(plan):
        report.warning("write/drift", f"{path} {state}", Span(str(out / path)), help="run `mkit generate`")


def _tell(out: Path, plan: Plan, changes: list[Change], files: int) -> None:
    if plan.nothing:
        click.echo(f"{out} is what the spec says ({files} files)")
        return
    from monitoring_kit.write.diff import render_changes

    color = wants_color(sys.stdout)
    click.echo(render_changes(changes, color=color), nl=False, color=color)
    states = _states(plan)
    for path, state in states[:_SHOWN]:
        click.echo(f"  {path} {state}")
    if len(states) > _SHOWN:
        click.echo(f"  and {len(states) - _SHOWN} more files")
    click.echo(f"{out} is not what the spec says: run `mkit generate`")
