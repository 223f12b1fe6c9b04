"""`mkit test`: the proof that alerts fire, stay silent and arrive."""

from __future__ import annotations

import glob
from pathlib import Path

import click

from monitoring_kit.cli.console import show_findings
from monitoring_kit.cli.options import env_option, progress_option, spec_argument
from monitoring_kit.diagnostics.diagnostic import Severity

EXAMPLES = """\b
Examples:
  mkit test mkit.yaml
  mkit test mkit.yaml --coverage --fail-under 100
  mkit test mkit.yaml --alert HighErrorRate --keep /tmp/tests
  mkit test mkit.yaml --mutate --tests 'tests/*.yml' --format json
"""


@click.command("test", epilog=EXAMPLES)
@spec_argument
@env_option
@click.option("--coverage", is_flag=True, help="Name the alerts that no test sees fire.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="N",
    help="Exit 1 when tests see less than N % of the alerts fire; with --mutate also when they catch less than N % of the mutants.",
)
@click.option(
    "--mutate", is_flag=True, help="Change each rule a little, many times, and report how many changes the tests catch."
)
@click.option("--alert", "alerts", multiple=True, metavar="NAME", help="Only this alert; may be repeated.")
@click.option(
    "--tests",
    "patterns",
    multiple=True,
    metavar="GLOB",
    help="Your own promtool test files, run beside the generated ones.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="How to print.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave the test files in DIR, as readable YAML.",
)
@progress_option
@click.pass_context
def command(
    ctx: click.Context, spec: str, env: str | None, coverage: bool, fail_under: float | None, mutate: bool,
    alerts: tuple[str, ...], patterns: tuple[str, ...], form: str, keep: Path | None, progress: bool | None,
) -> None:  # fmt: skip
    """Prove the alerts of SPEC: generated unit tests on the real rule engine, and the way of every alert on the real router.

    For each alert promtool checks that it fires at its minute with exactly its labels and annotations, is silent below the
    threshold and short of `for`, recovers, and behaves without data; amtool checks that exactly the channels of `notify` are told.

    Exit code 1 when a test fails, an alert does not reach its channels, or --fail-under is missed.
    """
    from monitoring_kit.cli.test_report import Bar, as_json, as_junit, as_text
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.stack.tools import ToolsMissingError, ensure_tools
    from monitoring_kit.verify.rule_tests.runner import run_all

    users = [Path(found) for pattern in patterns for found in _files(pattern)]
    compilation = compile_spec(spec, env)
    if compilation.report.failed or compilation.system is None or compilation.model is None:
        show_findings(compilation.report, "text", Severity.ERROR)
        ctx.exit(1)
    unknown = sorted(set(alerts) - {rule.name for rule in compilation.model.alerts})
    if unknown:
        from monitoring_kit.diagnostics.suggest import did_you_mean

        names = list(dict.fromkeys(rule.name for rule in compilation.model.alerts))
        raise click.UsageError(f"there is no alert `{unknown[0]}`; {did_you_mean(unknown[0], names, 'alerts')}")
    try:
        tools = ensure_tools()
    except ToolsMissingError as error:
        raise click.ClickException(str(error)) from error
    with Bar(progress) as bar:
        outcome = run_all(compilation, tools, bar.tick, only=alerts, users=users, mutate=mutate, keep=keep)
    if form == "json":
        click.echo(as_json(spec, outcome))
    elif form == "junit":
        click.echo(as_junit(spec, outcome), nl=False)
    else:
        click.echo(as_text(outcome, coverage=coverage), nl=False)
    low = fail_under is not None and outcome.results.coverage * 100 < fail_under
    low = low or (fail_under is not None and outcome.score is not None and outcome.score.share * 100 < fail_under)
    ctx.exit(1 if outcome.failed or low else 0)


def _files(pattern: str) -> list[str]:
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise click.UsageError(f"--tests {pattern}: there is no such file")
    return found
