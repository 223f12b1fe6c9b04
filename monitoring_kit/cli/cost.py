"""`mkit cost`: what the monitoring of a spec costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monitoring_kit.cli.options import env_option, spec_argument

if TYPE_CHECKING:
    from monitoring_kit.lower.cost import Cost
    from monitoring_kit.spec.budget import Budget

EXAMPLES = """\b
Examples:
  mkit cost mkit.yaml
  mkit cost mkit.yaml --targets web=40 --format json
"""


class _Targets(click.ParamType):  # type: ignore[type-arg]
    name = "JOB=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        job, _, number = str(value).partition("=")
        if not job or not number.isdecimal() or int(number) < 1:
            self.fail(f"{value} is not JOB=N, such as web=40", param, ctx)
        return job, int(number)


@click.command("cost", epilog=EXAMPLES)
@spec_argument
@env_option
@click.option("--targets", type=_Targets(), multiple=True, help="How many targets a job with discovery has (else 1).")
@click.option("--top", type=click.IntRange(0), default=20, show_default=True, help="How many rules to list; 0 for all.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
@click.pass_context
def command(
    ctx: click.Context, spec: str, env: str | None, targets: tuple[tuple[str, int], ...], top: int, form: str
) -> None:
    """Print the series that SPEC stores and the samples that its scrapes and rules read, as the label budgets of its metrics
    bound them.

    Exit code 1 when the spec has an error or its budget is exceeded.
    """
    from monitoring_kit.cli.console import show_findings
    from monitoring_kit.diagnostics.diagnostic import Severity
    from monitoring_kit.lower.cost import cost
    from monitoring_kit.pipeline import compile_spec

    done = compile_spec(spec, env)
    if done.report.failed:
        show_findings(done.report, "text", Severity.ERROR)
    if done.system is None or done.model is None:
        ctx.exit(1)
    for job, _ in targets:
        if job not in done.system.services:
            raise click.UsageError(f"--targets {job}: there is no such service")
    found = cost(done.system, done.model, dict(targets))
    budget = done.system.spec.budget
    click.echo(json.dumps(_data(found, budget), indent=2) if form == "json" else _text(found, budget, top))
    ctx.exit(1 if done.report.failed or _over(found, budget) else 0)


def _over(found: Cost, budget: Budget | None) -> bool:
    if budget is None:
        return False
    series = budget.series is not None and found.series > budget.series
    return series or (budget.samples_per_second is not None and found.samples_per_second > budget.samples_per_second)


def _data(found: Cost, budget: Budget | None) -> dict[str, Any]:
    limits = {"series": budget.series, "samples_per_second": budget.samples_per_second} if budget else None
    sums = ("series", "samples_per_evaluation", "samples_per_day")
    return {
        "series": {"scraped": found.scraped_series, "recorded": found.recorded_series, "total": found.series},
        "samples_per_second": {
            "scraped": round(found.scraped_per_second, 3),
            "read_by_rules": round(found.read_per_second, 3),
            "total": round(found.samples_per_second, 3),
        },
        "budget": limits,
        "exceeded": _over(found, budget),
        "jobs": [{**asdict(job), "samples_per_scrape": job.samples_per_scrape} for job in found.jobs],
        "groups": [{**asdict(group), **{name: getattr(group, name) for name in sums}} for group in found.groups],
    }


def _text(found: Cost, budget: Budget | None, top: int) -> str:
    jobs = [
        (j.name, f"{j.targets}{'?' if j.assumed else ''}", f"{j.interval_seconds:g}s", j.series, j.samples_per_day)
        for j in found.jobs
    ]
    groups = [
        (g.name, len(g.rules), f"{g.interval_seconds:g}s", g.series, g.samples_per_evaluation, g.samples_per_day)
        for g in found.groups
    ]
    rules = sorted((r for g in found.groups for r in g.rules), key=lambda r: -r.samples_per_day)
    shown = rules[:top] if top else rules
    most = [(r.name, r.service or "", r.series, r.samples_per_evaluation, r.samples_per_day) for r in shown]
    parts = [
        _table(("scrape job", "targets", "every", "series", "samples/day"), jobs),
        _table(("rule group", "rules", "every", "series", "samples/evaluation", "samples/day"), groups),
        _table(("rule", "service", "series", "samples/evaluation", "samples/day"), most),
    ]
    if len(shown) < len(rules):
        parts.append(f"{len(rules) - len(shown)} more rules; --top 0 lists all")
    if any(job.assumed for job in found.jobs):
        parts.append("? targets come from discovery and count as one; --targets JOB=N says how many there are")
    parts.append(_sums(found, budget))
    return "\n\n".join(parts)


def _sums(found: Cost, budget: Budget | None) -> str:
    of_series = f" of {budget.series:,}" if budget and budget.series is not None else ""
    of_samples = f" of {budget.samples_per_second:,.0f}" if budget and budget.samples_per_second is not None else ""
    return (
        f"series at most {found.series:,}{of_series}: {found.scraped_series:,} scraped, {found.recorded_series:,} recorded\n"
        f"samples a second at most {found.samples_per_second:,.0f}{of_samples}: {found.scraped_per_second:,.0f} scraped, "
        f"{found.read_per_second:,.0f} read by rules"
    )


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    texts = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(head), *texts]) for i in range(len(head))]
    numeric = [bool(rows) and isinstance(rows[0][i], int) for i in range(len(head))]
    lines = [
        [cell.rjust(w) if n else cell.ljust(w) for cell, w, n in zip(line, widths, numeric, strict=True)]
        for line in [list(head), *texts]
    ]
    return "\n".join("  ".join(line).rstrip() for line in lines)
