"""`mkit generate`: compile, prove, write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitoring_kit.cli.console import Progress, failing, show_findings
from monitoring_kit.cli.options import (
    check_severities,
    env_option,
    findings_options,
    out_option,
    progress_option,
    spec_argument,
)
from monitoring_kit.cli.unfreed import kept
from monitoring_kit.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from monitoring_kit.pipeline import Compilation
    from monitoring_kit.verify import Verification
    from monitoring_kit.write import Plan

EXAMPLES = """\b
Examples:
  mkit generate mkit.yaml -o generated
  mkit generate mkit.yaml -o generated --env production
  mkit generate mkit.yaml -o generated --check     # in CI: exit 1 on drift
  mkit generate mkit.yaml -o generated --format sarif > findings.sarif
"""


@click.command("generate", epilog=EXAMPLES)
@spec_argument
@out_option
@env_option
@click.option(
    "--check",
    "check",
    is_flag=True,
    help="Write nothing; exit 1 when OUT is not what SPEC says, and show the difference.",
)
@click.option("--no-verify", is_flag=True, help="Do not ask promtool and amtool. Recorded in the manifest.")
@findings_options("text", "json", "sarif", "github")
@progress_option
@click.pass_context
def command(
    ctx: click.Context, spec: str, out: Path, env: str | None, check: bool, no_verify: bool, form: str, fail_on: Severity,
    min_severity: Severity, progress: bool | None,
) -> None:  # fmt: skip
    """Compile SPEC and make OUT hold exactly its files: verified, and all or nothing.

    Only files that mkit wrote itself are replaced or removed; anything else in OUT is left alone. A finding of at least
    --fail-on means that nothing is written.
    """
    check_severities(fail_on, min_severity)
    from monitoring_kit.pipeline import compile_spec

    steps = Progress(progress)
    with steps.step("compiling"):
        compilation = kept(compile_spec(spec, env))
    if check:
        from monitoring_kit.cli.drift import run_check

        ctx.exit(run_check(compilation, out, form, fail_on, min_severity))
    proof = None
    if compilation.ok:
        proof = _prove(compilation, spec, env, no_verify, steps)
    more: dict[str, Any] = {"out": str(out), "written": False}
    plan = None
    if not failing(compilation.report, fail_on):
        with steps.step("writing"):
            plan = _write(compilation, out, proof)
    if plan is not None:
        more |= {
            "written": True,
            "plan": {n: getattr(plan, n) for n in ("new", "changed", "modes", "unchanged", "orphans", "kept")},
        }
        more["verified"] = proof.tools if proof else False
    show_findings(compilation.report, form, min_severity, more)
    if form == "text" and plan is not None:
        _tell(plan, out, compilation, proof)
    elif form == "text":
        click.echo(f"nothing was written to {out}", err=True)
    ctx.exit(1 if plan is None or failing(compilation.report, fail_on) else 0)


def _prove(
    compilation: Compilation, spec: str, env: str | None, no_verify: bool, steps: Progress
) -> Verification | None:
    from monitoring_kit.cli.drift import targets_of
    from monitoring_kit.diagnostics import Span
    from monitoring_kit.verify import SecondCompilation, verify

    if no_verify:
        compilation.report.warning(
            "verify/off", "the files are written WITHOUT verification (--no-verify)", Span(spec),
            help="the manifest records it; run `mkit generate` without --no-verify before you use them",
        )  # fmt: skip
        return None
    step = steps.step("verifying with promtool and amtool, and compiling again")
    with step, SecondCompilation("monitoring_kit.cli.again", [spec, env or ""]) as again:
        rules = sum(len(group.rules) for group in compilation.model.groups) if compilation.model else 0
        features = compilation.system.spec.prometheus.features if compilation.system else ()
        proof = verify(
            compilation.outputs, rules, compilation.report, spec, targets=targets_of(compilation), features=features
        )
        if not compilation.report.failed:
            sha256 = compilation.system.sha256 if compilation.system else ""
            again.compare(compilation.outputs, spec, sha256, compilation.report)
        return proof


def _write(compilation: Compilation, out: Path, proof: Verification | None) -> Plan | None:
    from monitoring_kit.cli.drift import manifest_of
    from monitoring_kit.diagnostics import Stop
    from monitoring_kit.write import write_tree

    try:
        return write_tree(out, compilation.outputs, manifest_of(compilation, proof), compilation.report)
    except Stop:
        return None


def _tell(plan: Plan, out: Path, compilation: Compilation, proof: Verification | None) -> None:
    rules = sum(len(group.rules) for group in compilation.model.groups) if compilation.model else 0
    click.echo(f"{out}: {plan.summary()} ({len(compilation.outputs)} files, {rules} rules)")
    if proof:
        click.echo("verified by " + ", ".join(f"{name} {version}" for name, version in sorted(proof.tools.items())))
