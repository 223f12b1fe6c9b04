"""`mkit diff`: what a spec would change in meaning."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from monitoring_kit.cli.console import Progress, show_findings, wants_color
from monitoring_kit.cli.options import env_option, out_option, progress_option, spec_argument
from monitoring_kit.diagnostics.diagnostic import Report, Severity

EXAMPLES = """\b
Examples:
  mkit diff mkit.yaml -o generated
  mkit diff mkit.yaml -o generated --format json
  mkit diff mkit.yaml -o generated --exit-code && echo nothing changes
"""


@click.command("diff", epilog=EXAMPLES)
@spec_argument
@out_option
@env_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
@click.option("--exit-code", is_flag=True, help="Exit 1 when something changes.")
@progress_option
@click.pass_context
def command(
    ctx: click.Context, spec: str, out: Path, env: str | None, form: str, exit_code: bool, progress: bool | None
) -> None:
    """Show what SPEC would change in OUT, in the terms of the field: alerts, thresholds, receivers, routes, scrape jobs, panels.

    Comments and layout are not compared; every value is. Nothing is written.
    """
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.write.diff import difference, render_changes
    from monitoring_kit.write.manifest import BadManifestError, read_manifest

    with Progress(progress).step("compiling"):
        compilation = compile_spec(spec, env)
    if not compilation.ok:
        show_findings(compilation.report, form, Severity.ERROR)
        ctx.exit(1)
    try:
        changes = difference(out, read_manifest(out), compilation.outputs)
    except BadManifestError as error:
        _refuse("write/foreign-file", str(error), out, "move it away, or choose another folder with -o", form)
        ctx.exit(1)
    except OSError as error:
        _refuse(
            "file/unreadable", f"{error.filename} cannot be compared: {error.strerror}", out, "make it readable", form
        )
        ctx.exit(1)
    if form == "json":
        click.echo(json.dumps({"version": 1, "changes": [c.plain() for c in changes]}, indent=2, ensure_ascii=False))
    else:
        color = wants_color(sys.stdout)
        click.echo(render_changes(changes, color=color), nl=False, color=color)
    ctx.exit(1 if exit_code and changes else 0)


def _refuse(code: str, text: str, out: Path, help_: str, form: str) -> None:
    from monitoring_kit.diagnostics import Span

    report = Report()
    report.error(code, text, Span(str(out)), help=help_)
    show_findings(report, form, Severity.ERROR)
