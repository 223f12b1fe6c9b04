"""`mkit lint`: the checks for files that mkit did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitoring_kit.cli.console import failing, show_findings
from monitoring_kit.cli.fixing import fix_options, run_fix
from monitoring_kit.cli.options import check_severities, findings_options
from monitoring_kit.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from monitoring_kit.lint import Linted
    from monitoring_kit.promql.catalog import Catalog

EXAMPLES = """\b
Examples:
  mkit lint rules/*.yml
  mkit lint rules/ --dashboards dashboards/ --alertmanager alertmanager.yml
  mkit lint rules/ --catalog node_exporter --catalog my-exporter.yaml --fail-on warning
  mkit lint rules/ --fix --dry-run
"""


@click.command("lint", epilog=EXAMPLES)
@click.argument("rules", nargs=-1, type=click.Path(path_type=str))
@click.option("--dashboards", multiple=True, metavar="DIR|FILE", help="Dashboards (JSON) to check; repeatable.")
@click.option("--alertmanager", metavar="FILE", help="An alertmanager.yml, checked against the alerts of the rules.")
@click.option("--catalog", "catalogs", multiple=True, metavar="NAME|FILE", help="What exporters expose; repeatable.")
@click.option("--prometheus-version", metavar="VERSION", help="Report what this version does not accept.")
@click.option("--enable-feature", "features", multiple=True, metavar="FLAG", help="A feature flag of that Prometheus.")
@click.option("--scrape-interval", metavar="DURATION", help="The longest scrape interval of the metrics.")
@click.option("--evaluation-interval", metavar="DURATION", help="The interval of groups that have none.")
@click.option(
    "--external-label", "external", multiple=True, metavar="NAME=VALUE", help="An external label; repeatable."
)
@click.option("--no-external-labels", "no_external", is_flag=True, help="Prometheus adds no labels to alerts.")
@click.option("--disable", multiple=True, metavar="CODE", help="Do not report these findings; repeatable.")
@findings_options("text", "json", "sarif", "github")
@fix_options
@click.pass_context
def command(
    ctx: click.Context,
    rules: tuple[str, ...],
    dashboards: tuple[str, ...],
    alertmanager: str | None,
    catalogs: tuple[str, ...],
    prometheus_version: str | None,
    features: tuple[str, ...],
    scrape_interval: str | None,
    evaluation_interval: str | None,
    external: tuple[str, ...],
    no_external: bool,
    disable: tuple[str, ...],
    form: str,
    fail_on: Severity,
    min_severity: Severity,
    fix: bool,
    dry_run: bool,
) -> None:
    """Check rule files, dashboards and an alertmanager.yml that mkit did not write.

    RULES are Prometheus rule files, PrometheusRule resources, or folders of them. Without a catalog everything that the
    expressions alone prove is reported. Exit code 1 when there is a finding of at least --fail-on.
    """
    check_severities(fail_on, min_severity)
    if not (rules or dashboards or alertmanager):
        raise click.UsageError("name rule files, --dashboards or --alertmanager")
    if dry_run and not fix:
        raise click.UsageError("--dry-run belongs to --fix")
    from dataclasses import replace

    from monitoring_kit.lint import LintOptions, lint
    from monitoring_kit.lint.run import lint_codes

    unknown = sorted(set(disable) - lint_codes())
    if unknown:
        from monitoring_kit.diagnostics.suggest import did_you_mean

        raise click.UsageError(
            f"--disable: there is no check `{unknown[0]}`; {did_you_mean(unknown[0], lint_codes(), 'checks')}"
        )
    options = LintOptions(
        rules, dashboards, alertmanager, [_catalog(name) for name in catalogs], _version(prometheus_version),
        frozenset(features), _duration("--scrape-interval", scrape_interval),
        _duration("--evaluation-interval", evaluation_interval), _labels(external) if external or no_external else None, disable,
    )  # fmt: skip
    found = lint(options)
    if fix:
        made = run_fix(found.report, lambda texts: lint(replace(options, texts=texts)).report, dry_run)
        if dry_run:
            ctx.exit(0)
        found = lint(options) if made.texts else found
    show_findings(found.report, form, min_severity, err=False)
    if form == "text" and not len(found.report):
        click.echo(f"{_counted(found)}: no findings")
    ctx.exit(1 if failing(found.report, fail_on) else 0)


def _counted(found: Linted) -> str:
    """What was linted, in words."""
    alerts = sum(rule.kind == "alert" for group in found.groups for rule in group.rules)
    records = sum(len(group.rules) for group in found.groups) - alerts
    counts = ((alerts, "alert"), (records, "recording rule"), (len(found.queries), "panel query"))
    words = [
        f"{n} {what if n == 1 else what.removesuffix('y') + 'ies' if what.endswith('y') else what + 's'}"
        for n, what in counts
    ]
    return ", ".join(words)


def _catalog(name: str) -> Catalog:
    from pathlib import Path

    from monitoring_kit.promql.catalog import CatalogError, load_catalog, shipped_catalogs

    try:
        return load_catalog(name if name in shipped_catalogs() else Path(name))
    except FileNotFoundError:
        from monitoring_kit.diagnostics.suggest import did_you_mean

        hint = did_you_mean(name, shipped_catalogs(), "shipped")
        raise click.UsageError(f"--catalog: {name} is no file and no shipped catalog; {hint}") from None
    except (CatalogError, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--catalog: {getattr(error, 'strerror', None) or error}") from None


def _version(text: str | None) -> str | None:
    if text is None:
        return None
    from monitoring_kit.targets.versions import parse_version

    try:
        major, minor = parse_version(text)
    except ValueError as error:
        raise click.UsageError(f"--prometheus-version: {error}") from None
    return f"{major}.{minor}"


def _duration(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    from monitoring_kit.promql.literals import parse_duration

    try:
        found = parse_duration(text)
    except ValueError:
        found = 0
    if found <= 0:
        raise click.UsageError(f"{option}: `{text}` is no duration; write 30s or 1m")
    return found


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise click.UsageError(f"--external-label: `{text}` is not NAME=VALUE")
        found[name] = value
    return found
