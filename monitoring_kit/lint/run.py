"""Linting: files to findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.checks.finding import Subject
from monitoring_kit.checks.registry import all_codes, group_checks
from monitoring_kit.checks.routing.alerts import AlertLabels
from monitoring_kit.checks.routing.check import check_routing, route_checks
from monitoring_kit.checks.routing.config import Routing, read_routing
from monitoring_kit.diagnostics import Diagnostic, Report, Source
from monitoring_kit.lint import rule_checks
from monitoring_kit.lint.dashboards import PanelQuery, is_dashboard, read_dashboard
from monitoring_kit.lint.disables import Disables
from monitoring_kit.lint.places import diagnostic
from monitoring_kit.lint.rule_files import FileGroup, FileRule, read_rules
from monitoring_kit.load.files import documents, files_in, read_text
from monitoring_kit.promql.catalog import Catalog
from monitoring_kit.promql.world import Recorded, Series, World, lint_world

WATCHDOGS = ("Watchdog", "DeadMansSwitch", "DeadManSwitch", "AlwaysFiring", "PrometheusAlertmanagerE2eDeadManSwitch")


@dataclass(frozen=True)
class LintOptions:
    """What to lint. Intervals in milliseconds; ``external_labels`` is None when nobody said which there are; ``texts`` replaces
    the contents of files that are read (to try a fix)."""

    rules: Sequence[str] = ()
    dashboards: Sequence[str] = ()
    alertmanager: str | None = None
    catalogs: Sequence[Catalog] = ()
    prometheus: str | None = None
    features: frozenset[str] = frozenset()
    scrape_interval_ms: int | None = None
    evaluation_interval_ms: int | None = None
    external_labels: Mapping[str, str] | None = None
    disable: Sequence[str] = ()
    texts: Mapping[str, str] | None = None


@dataclass
class Linted:
    """The findings, and what was linted."""

    report: Report
    groups: list[FileGroup] = field(default_factory=list)
    queries: list[PanelQuery] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    routing: Routing | None = None


def lint_codes() -> frozenset[str]:
    """Every code that a comment or ``--disable`` can name."""
    return all_codes() | {*rule_checks.CODES, *(check.code for check in route_checks())}


def lint(options: LintOptions) -> Linted:
    """Every finding in the files of ``options``; nothing is written and no other program is asked."""
    report = Report()
    found = Linted(report)
    disables = Disables(options.disable, lint_codes())
    texts = dict(options.texts) if options.texts is not None else None
    boards = list(_read_rules(options, found, disables, texts))
    for path in options.dashboards:
        boards += [source for file in files_in(path, (".json",), report) if (source := read_text(file, report, texts))]
    for source in boards:
        found.queries += read_dashboard(source, report)
    if options.alertmanager is not None and (source := read_text(options.alertmanager, report, texts)):
        found.routing = read_routing(source, report)
        _comments(source, disables, report)
    world = _world(options, found)
    found.subjects = [*_rule_subjects(found.groups, world, options), *_panel_subjects(found.queries, world)]
    for one in _all(found, options):
        if not disables.covers(one):
            report.add(one)
    disables.finish(report)
    return found


def _all(found: Linted, options: LintOptions) -> Iterable[Diagnostic]:
    for about in found.subjects:
        for finding in findings(about):
            yield diagnostic(about, finding)
    for check in group_checks():
        for about, finding in check.run(found.subjects):
            yield diagnostic(about, finding)
    panels = [query.expr for query in found.queries] if found.queries else None
    yield from rule_checks.check_rules(found.groups, panels, options.prometheus)
    if found.routing is not None:
        alerts = [
            AlertLabels(about, options.external_labels, about.place.fields["alert"].span)
            for about in found.subjects
            if about.use == "alert"
        ]
        yield from check_routing(found.routing, alerts or None)


def _read_rules(
    options: LintOptions, found: Linted, disables: Disables, texts: dict[str, str] | None
) -> Iterable[Source]:
    """Read the rule files; a dashboard among them is handed back."""
    report = found.report
    for path in options.rules:
        for file in files_in(path, (".yml", ".yaml", ".json"), report):
            source = read_text(file, report, texts)
            if source is None:
                continue
            if file.endswith(".json") and _holds_dashboard(source):
                yield source
                continue
            found.groups += read_rules(source, report, options.prometheus)
            _comments(source, disables, report)


def _comments(source: Source, disables: Disables, report: Report) -> None:
    if "mkit" in source.text:
        disables.read(source, [d.root for d in documents(source, Report())], report)


def _holds_dashboard(source: Source) -> bool:
    return any(is_dashboard(document.root) for document in documents(source, Report()))


def _world(options: LintOptions, found: Linted) -> World:
    records: dict[str, list[Recorded]] = {}
    for group in found.groups:
        for rule in group.rules:
            if rule.kind == "record" and rule.expr is not None:
                place = rule.place.fields["record"].span
                records.setdefault(rule.name, []).append(Recorded(rule.name, rule.expr, rule.labels, origin=place))
    more: dict[str, Any] = {}
    if options.evaluation_interval_ms is not None:
        more["evaluation_ms"] = options.evaluation_interval_ms
    world = lint_world(
        options.catalogs, records=records, external_labels=options.external_labels or {}, prometheus=options.prometheus,
        features=options.features, **more,
    )  # fmt: skip
    interval = options.scrape_interval_ms
    if interval is None:
        return world
    find = world.find

    def scraped(name: str, service: str | None) -> Sequence[Series]:
        return [replace(series, interval=interval) for series in find(name, service)]

    return replace(world, find=scraped)


def _rule_subjects(groups: list[FileGroup], world: World, options: LintOptions) -> Iterable[Subject]:
    for group in groups:
        for rule in group.rules:
            if rule.expr is not None:
                yield subject(
                    "alert" if rule.kind == "alert" else "record", rule.name, rule.expr, world, rule.text, for_ms=rule.for_ms,
                    keep_ms=rule.keep_ms, interval_ms=group.interval_ms or options.evaluation_interval_ms, labels=rule.labels,
                    annotations=rule.annotations, group=f"{group.file}: {group.name}", place=rule.place, watchdog=is_watchdog(rule),
                )  # fmt: skip


def is_watchdog(rule: FileRule) -> bool:
    """Whether an alert is meant to fire always: by its well-known names, or a constant alone (``vector(1)``)."""
    return rule.kind == "alert" and (
        rule.name in WATCHDOGS or rule.name.casefold() in _WATCHDOGS or rule.text.strip() == "vector(1)"
    )


_WATCHDOGS = frozenset(name.casefold() for name in WATCHDOGS)


def _panel_subjects(queries: list[PanelQuery], world: World) -> Iterable[Subject]:
    for query in queries:
        yield subject(
            "panel",
            query.title,
            query.expr,
            world,
            query.text,
            unit=query.unit,
            group=query.dashboard,
            place=query.place,
        )
