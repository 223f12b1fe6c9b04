"""`mkit catalog`: learn which metrics a server exposes, and see what a new version took away."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from monitoring_kit.promql.catalog import Catalog
    from monitoring_kit.promql.catalog_diff import Change


CAPTURE_EXAMPLES = """\b
Examples:
  mkit catalog capture http://localhost:9100/metrics -o node.yaml --exporter node_exporter
  mkit catalog capture --prometheus http://localhost:9090 -o live.yaml
  mkit catalog capture exposition.txt
"""
DIFF_EXAMPLES = """\b
Examples:
  mkit catalog diff node_exporter new.yaml
  mkit catalog diff old.yaml new.yaml --rules generated/prometheus/rules --dashboards generated/grafana/dashboards
"""


@click.group("catalog", epilog=CAPTURE_EXAMPLES + DIFF_EXAMPLES.split("Examples:\n")[1])
def command() -> None:
    """Capture and compare metric catalogs."""


@command.command("capture", epilog=CAPTURE_EXAMPLES)
@click.argument("source", required=False, metavar="[URL|FILE]")
@click.option("--prometheus", metavar="URL", help="Learn from a running Prometheus instead.")
@click.option("--selector", default="", metavar="SELECTOR", help='With --prometheus: only these series, {job="x"}.')
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; standard output without.")
@click.option("--exporter", default="", help="Name of the exporter, for the catalog's head.")
@click.option("--version", "exporter_version", default="", help="Version of the exporter, for the head.")
@click.option("--closed", multiple=True, metavar="[METRIC:]LABEL", help="A label whose values are all there.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, help="Seconds in all."
)
@click.option(
    "--max-metrics", type=click.IntRange(min=1), default=20_000, show_default=True, help="Refuse more than these."
)
def capture_command(
    source: str | None,
    prometheus: str | None,
    selector: str,
    output: Path | None,
    exporter: str,
    exporter_version: str,
    closed: tuple[str, ...],
    timeout: float,
    max_metrics: int,
) -> None:
    """Learn a catalog from an exposition (URL or file) or from a running Prometheus."""
    from dataclasses import replace

    from monitoring_kit.live.catalog import capture, dump_catalog
    from monitoring_kit.live.exposition import ExpositionError
    from monitoring_kit.live.prometheus_catalog import PrometheusSource
    from monitoring_kit.live.scrape import ScrapeError, read_source

    if (source is None) == (prometheus is None):
        raise click.UsageError("give a URL or a file, or --prometheus URL")
    try:
        if prometheus is not None:
            found = PrometheusSource(prometheus, timeout=timeout).catalog(selector, max_metrics)
            catalog = replace(found, exporter=exporter, version=exporter_version)
        else:
            text = read_source(str(source), timeout=timeout)
            catalog = capture(text, exporter, exporter_version, closed=closed)
    except (ScrapeError, ExpositionError) as error:
        _fail(str(error))
    if len(catalog.metrics) > max_metrics:
        _fail(f"{len(catalog.metrics)} metrics; at most {max_metrics} are allowed")
    if not catalog.metrics:
        _fail("no metrics found")
    if output is None:
        click.echo(dump_catalog(catalog), nl=False)
        return
    try:
        output.write_text(dump_catalog(catalog), encoding="utf-8")
    except OSError as error:
        _fail(f"{output}: {error.strerror}")
    click.echo(f"{output}: {len(catalog.metrics)} metrics", err=True)


@command.command("diff", epilog=DIFF_EXAMPLES)
@click.argument("old")
@click.argument("new")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path), help="Rule file or folder; repeatable."
)
@click.option(
    "--dashboards", multiple=True, type=click.Path(exists=True, path_type=Path), help="Dashboard or folder; repeatable."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def diff_command(old: str, new: str, rules: tuple[Path, ...], dashboards: tuple[Path, ...], form: str) -> None:
    """Tell what NEW lost and gained against OLD, and which rules and panels that breaks.

    OLD and NEW are catalog files, or the names of shipped ones. Exit code 1 if something was taken away.
    """
    from monitoring_kit.promql.catalog_diff import diff_catalogs

    before, after = _load(old), _load(new)
    changes = diff_catalogs(before, after)
    broken, unread = _broken(changes, before, (*rules, *dashboards))
    breaking = any(change.breaking for change in changes)
    if form == "json":
        keys = ("metric", "kind", "label", "subject", "breaking", "text")
        listed = [{key: getattr(change, key) for key in keys} for change in changes]
        click.echo(json.dumps({"breaking": breaking, "changes": listed, "broken": broken, "unread": unread}, indent=2))
    else:
        _print(changes, broken, unread)
    sys.exit(1 if breaking else 0)


def _load(name: str) -> Catalog:
    from monitoring_kit.promql.catalog import CatalogError, load_catalog, shipped_catalogs

    try:
        return load_catalog(name if name in shipped_catalogs() else Path(name))
    except CatalogError as error:
        _fail(str(error))
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{name}: {getattr(error, 'strerror', None) or 'not UTF-8'}")


def _broken(changes: list[Change], before: Catalog, paths: tuple[Path, ...]) -> tuple[list[dict[str, Any]], list[str]]:
    """The rules and panels that read what is gone, and what could not be read as PromQL."""
    from monitoring_kit.live.usage import UsageError, find_uses
    from monitoring_kit.promql import PromQLError, parse
    from monitoring_kit.promql.catalog_diff import breaks

    lost = [change for change in changes if change.breaking]
    broken: list[dict[str, Any]] = []
    unread: list[str] = []
    for path in paths:
        try:
            for use in find_uses(path):
                try:
                    expr = parse(use.expr, variables=use.variables)
                except PromQLError as error:
                    unread.append(f"{use.file}: {use.where}: {error}")
                    continue
                reasons = [f"{change.metric} {change.text}" for change in lost if breaks(change, before, expr)]
                if reasons:
                    broken.append({"file": str(use.file), "where": use.where, "expr": use.expr, "because": reasons})
        except UsageError as error:
            unread.append(str(error))
    return broken, unread


def _print(changes: list[Change], broken: list[dict[str, Any]], unread: list[str]) -> None:
    for change in changes:
        mark = click.style("-", fg="red") if change.breaking else click.style("+", fg="green")
        click.echo(f"{mark} {change.metric} {change.text}")
    for use in broken:
        click.echo(f"{click.style('breaks', fg='red')} {use['file']}: {use['where']}")
        for reason in use["because"]:
            click.echo(f"       {reason}")
    for line in unread:
        click.echo(f"not checked: {line}", err=True)
    lost = sum(change.breaking for change in changes)
    click.echo(f"{lost} lost, {len(changes) - lost} other changes, {len(broken)} rules or panels broken")


def _fail(message: str) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(1)
