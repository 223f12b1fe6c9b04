"""`mkit slo`: how the objectives stand, and their history."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_kit.cli.console import Progress, show_findings
from monitoring_kit.cli.options import env_option, progress_option, spec_argument
from monitoring_kit.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from monitoring_kit.live.slo_status import Standing
    from monitoring_kit.lower.slo.plan import SloPlan

EXAMPLES = """\b
Examples:
  mkit slo status mkit.yaml --prometheus http://localhost:9090
  mkit slo backfill mkit.yaml --prometheus http://localhost:9090 -o blocks
  mkit slo backfill mkit.yaml --tsdb /var/lib/prometheus/data
"""


@click.group("slo", epilog=EXAMPLES)
def command() -> None:
    """Objectives: what is left of their budgets, and their history."""


@command.command("status", epilog=EXAMPLES)
@spec_argument
@env_option
@click.option("--prometheus", "url", required=True, metavar="URL", help="The Prometheus that evaluates the rules.")
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print."
)
@click.option(
    "--timeout", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Seconds for all questions."
)
@click.pass_context
def status(ctx: click.Context, spec: str, env: str | None, url: str, form: str, timeout: float) -> None:
    """Print what is left of each error budget, how fast it is spent, and when it is gone at that rate.

    Exit code 1 when the spec has mistakes or Prometheus does not answer.
    """
    from monitoring_kit.live.scrape import ScrapeError
    from monitoring_kit.live.slo_status import standings

    plans, _ = _plans(ctx, spec, env)
    try:
        found = standings(url, plans, timeout)
    except ScrapeError as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(1)
    if form == "json":
        click.echo(json.dumps([standing.as_json() for standing in found], indent=2))
    else:
        click.echo(table(found))


@command.command("backfill", epilog=EXAMPLES)
@spec_argument
@env_option
@click.option("--prometheus", "url", metavar="URL", help="A running Prometheus that has the raw history.")
@click.option(
    "--tsdb",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Or its data folder, while it is stopped.",
)
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="Where the blocks go (default with --tsdb: that folder).",
)
@click.option("--days", type=click.IntRange(1, 400), help="How far back (default: the longest window of the spec).")
@progress_option
@click.pass_context
def backfill(
    ctx: click.Context, spec: str, env: str | None, url: str | None, tsdb: Path | None, out: Path | None, days: int | None,
    progress: bool | None,
) -> None:  # fmt: skip
    """Compute the tiles of all objectives for the past, so that long windows need not wait to fill.

    Writes TSDB blocks with promtool. With --prometheus move them into that server's data folder; it takes them in at its
    next compaction or restart.
    """
    from monitoring_kit.live.slo_backfill import BackfillError, backfill_rules, write_blocks
    from monitoring_kit.live.slo_tsdb import served
    from monitoring_kit.stack.lab import LabError
    from monitoring_kit.stack.tools import find_tools

    if (url is None) == (tsdb is None):
        raise click.UsageError("give either --prometheus or --tsdb")
    target = out or tsdb
    if target is None:
        raise click.UsageError("give -o, the folder for the blocks")
    plans, retention = _plans(ctx, spec, env)
    rules = backfill_rules(plans)
    tools = find_tools()
    promtool = tools["promtool"]
    if not rules or promtool.path is None:
        click.echo(
            "error: " + (promtool.missing_reason if rules else "no objective of this spec is computed from tiles"),
            err=True,
        )
        ctx.exit(1)
    end = time.time()
    start = end - 86_400 * (days or max(plan.shape.period.length.ms // 86_400_000 for plan in plans))
    program = promtool.path
    assert program is not None
    try:
        with Progress(progress).step("computing the history"):
            if url is not None:
                blocks = write_blocks(program, rules, url, start, end, target, retention)
            else:
                assert tsdb is not None
                blocks = served(
                    tools["prometheus"],
                    tsdb,
                    lambda at, to: write_blocks(program, rules, at, start, end, to, retention),
                    target,
                )
    except (BackfillError, LabError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        ctx.exit(1)
    click.echo(f"{target}: {len(blocks)} blocks")


def _plans(ctx: click.Context, spec: str, env: str | None) -> tuple[tuple[SloPlan, ...], float]:
    """The objectives of the spec, and for how many seconds its Prometheus keeps samples."""
    from monitoring_kit.pipeline import compile_spec

    made = compile_spec(spec, env)
    if not made.ok or made.model is None:
        show_findings(made.report, "text", Severity.ERROR)
        ctx.exit(1)
    if not made.model.slos:
        click.echo(f"error: {spec} has no objectives (`slos:` of a service)", err=True)
        ctx.exit(1)
    return made.model.slos, made.model.system.spec.prometheus.retention.time.seconds


def table(found: list[Standing]) -> str:
    """The standings for people."""
    rows = [("objective", "promised", "window", "good", "budget left", "burn rate 1h", "gone at this rate")]
    for s in found:
        name = f"{s.service} {s.slo}" + "".join(f" {k}={v}" for k, v in s.group.items())
        good = "no data" if s.error is None else f"{(1 - s.error) * 100:.4g}%"
        left = "no data" if s.left is None else f"{s.left * 100:.1f}%"
        burn = "no events" if s.burn is None else f"{s.burn:.2f}x"
        rows.append((name, f"{s.objective * 100:.10g}%", s.period, good, left, burn, _gone(s)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def _gone(s: Standing) -> str:
    if s.left is None:
        return ""
    if s.left <= 0:
        return "now: it is spent"
    return "never" if s.exhausted is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(s.exhausted))
