"""`mkit check`: every finding, no files."""

from __future__ import annotations

import click

from monitoring_kit.cli.console import Progress, failing, show_findings
from monitoring_kit.cli.fixing import fix_options
from monitoring_kit.cli.options import check_severities, env_option, findings_options, progress_option, spec_argument
from monitoring_kit.cli.unfreed import kept
from monitoring_kit.diagnostics.diagnostic import Severity

EXAMPLES = """\b
Examples:
  mkit check mkit.yaml
  mkit check mkit.yaml --fail-on warning --format github
  mkit check mkit.yaml --fix --dry-run
"""


@click.command("check", epilog=EXAMPLES)
@spec_argument
@env_option
@findings_options("text", "json", "sarif", "github")
@fix_options
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    spec: str,
    env: str | None,
    form: str,
    fail_on: Severity,
    min_severity: Severity,
    fix: bool,
    dry_run: bool,
    progress: bool | None,
) -> None:
    """Report every mistake of SPEC in one run. Nothing is written (but for --fix) and no other program is asked.

    Exit code 1 when there is a finding of at least --fail-on.
    """
    check_severities(fail_on, min_severity)
    if dry_run and not fix:
        raise click.UsageError("--dry-run belongs to --fix")
    from monitoring_kit.pipeline import compile_spec

    with Progress(progress).step("checking"):
        compilation = kept(compile_spec(spec, env))
    if fix:
        from monitoring_kit.cli.fixing import run_fix
        from monitoring_kit.lint.mirror import compile_with

        made = run_fix(compilation.report, lambda texts: compile_with(spec, env, compilation.report, texts), dry_run)
        if dry_run:
            ctx.exit(0)
        compilation = compile_spec(spec, env) if made.texts else compilation
    show_findings(compilation.report, form, min_severity, err=False)
    if form == "text" and not len(compilation.report):
        click.echo(f"{spec}: no findings")
    ctx.exit(1 if failing(compilation.report, fail_on) else 0)
