"""`mkit generate --check`: is the output folder what the spec says?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_kit.cli.console import failing, show_findings, wants_color
from monitoring_kit.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from monitoring_kit.pipeline import Compilation
    from monitoring_kit.verify import Verification
    from monitoring_kit.write import Plan


def manifest_of(compilation: Compilation, proof: Verification | None) -> bytes:
    """The manifest of a compilation that came through."""
    from monitoring_kit.write import manifest_bytes

    system = compilation.system
    assert system is not None
    compatibility = system.spec.compatibility
    return manifest_bytes(
        compilation.outputs, spec_file=os.path.basename(system.path), spec_sha256=system.sha256, environment=system.environment,
        targets={name: str(getattr(compatibility, name)) for name in ("prometheus", "alertmanager", "grafana")},
        verified=proof.tools if proof else False, skipped=proof.skipped if proof else (),
    )  # fmt: skip


def run_check(compilation: Compilation, out: Path, form: str, fail_on: Severity, min_severity: Severity) -> int:
    """Compare, print findings and the difference in meaning; the exit code."""
    from monitoring_kit.diagnostics import Span
    from monitoring_kit.write import existing_plan

    report = compilation.report
    more: dict[str, Any] = {"out": str(out), "drift": None}
    plan = None
    if not failing(report, fail_on):
        plan = existing_plan(out, compilation.outputs, manifest_of(compilation, None), report)
        more["drift"] = not plan.nothing
        if plan.nothing and plan.previous and plan.previous.data.get("verified") is False:
            report.warning(
                "verify/off",
                f"{out} was written without verification",
                Span(str(out)),
                help="run `mkit generate` without --no-verify",
            )
        if not plan.nothing:
            _report_drift(out, plan, compilation, more)
    show_findings(report, form, min_severity, more)
    if plan is not None and form == "text":
        _tell(out, plan, compilation)
    return 1 if plan is None or not plan.nothing or failing(report, fail_on) else 0


def _report_drift(out: Path, plan: Plan, compilation: Compilation, more: dict[str, Any]) -> None:
    from monitoring_kit.diagnostics import Span
    from monitoring_kit.write.diff import difference

    changes = difference(out, plan.previous, compilation.outputs)
    more["plan"] = {"new": plan.new, "changed": plan.changed, "removed": plan.orphans}
    more["changes"] = [c.plain() for c in changes]
    for word, paths in (
        ("is missing", plan.new),
        ("differs from what the spec says", plan.changed),
        ("is no longer in the spec", plan.orphans),
    ):
        for path in paths:
            compilation.report.warning(
                "write/drift", f"{path} {word}", Span(str(out / path)), help="run `mkit generate`"
            )


def _tell(out: Path, plan: Plan, compilation: Compilation) -> None:
    if plan.nothing:
        click.echo(f"{out} is what the spec says ({len(compilation.outputs)} files)")
        return
    import sys

    from monitoring_kit.write.diff import difference, render_changes

    color = wants_color(sys.stdout)
    click.echo(render_changes(difference(out, plan.previous, compilation.outputs), color=color), nl=False, color=color)
    click.echo(f"{out} is not what the spec says: run `mkit generate`")
