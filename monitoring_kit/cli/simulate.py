"""`mkit simulate`: a library of incidents, replayed through the rules of a spec."""

from __future__ import annotations

import json
import sys

import click

from monitoring_kit.cli.console import show_findings
from monitoring_kit.cli.options import env_option, progress_option
from monitoring_kit.diagnostics.diagnostic import Severity

EXAMPLES = """\b
Examples:
  mkit simulate --list
  mkit simulate mkit.yaml
  mkit simulate mkit.yaml --scenario total-outage --scenario deploy --format json
"""


@click.command("simulate", epilog=EXAMPLES)
@click.argument("spec", required=False, type=click.Path(path_type=str))
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Play this one only; repeatable.")
@click.option("--list", "listing", is_flag=True, help="List the scenarios.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True,
    help="How to print.",
)  # fmt: skip
@env_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context, spec: str | None, names: tuple[str, ...], listing: bool, form: str, env: str | None,
    progress: bool | None,
) -> None:  # fmt: skip
    """Break every service of SPEC in many ways and show what its alerts do: how soon, how long, and how often for nothing.

    The series are made from the metric registry, the rules are evaluated by a real Prometheus. Exit code 1 when a scenario
    misses its goal.
    """
    from monitoring_kit.diagnostics.suggest import did_you_mean
    from monitoring_kit.live.simulate.scenario import library

    known = library()
    if listing:
        width = max(map(len, known))
        for scenario in known.values():
            click.echo(f"{scenario.name:{width}}  {scenario.title}")
        return
    if spec is None:
        raise click.UsageError("name a SPEC, or --list the scenarios")
    for name in names:
        if name not in known:
            raise click.UsageError(
                f"--scenario: there is no scenario `{name}`; {did_you_mean(name, known, 'scenarios')}"
            )
    from monitoring_kit.live.backtest.errors import BacktestError
    from monitoring_kit.live.simulate.page import page
    from monitoring_kit.live.simulate.report import as_data, as_text
    from monitoring_kit.live.simulate.run import simulate
    from monitoring_kit.pipeline import compile_spec

    compilation = compile_spec(spec, env)
    if not compilation.ok:
        show_findings(compilation.report, "json" if form == "json" else "text", Severity.ERROR)
        ctx.exit(1)
    shown = progress if progress is not None else sys.stderr.isatty()
    try:
        played = simulate(
            compilation,
            [s for s in known.values() if not names or s.name in names],
            (lambda text: click.echo(f"{text} ...", err=True)) if shown else (lambda _: None),
        )
    except BacktestError as error:
        click.echo(f"error[{error.code}]: {error.message}", err=True)
        if error.help:
            click.echo(f"  help: {error.help}", err=True)
        ctx.exit(1)
    if form == "json":
        click.echo(json.dumps(as_data(played), indent=2, ensure_ascii=False))
    else:
        assert compilation.model is not None
        click.echo(page(spec, compilation.model, played) if form == "markdown" else as_text(played), nl=False)
    ctx.exit(0 if all(p.goal_met is not False for p in played) else 1)
