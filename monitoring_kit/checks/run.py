"""Checking a spec: every expression that its author wrote, and every distinct one that mkit made from packs."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_kit.checks.disable import Disabled
from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.checks.finding import Finding, Subject
from monitoring_kit.checks.registry import group_checks
from monitoring_kit.checks.world import alike, spec_world
from monitoring_kit.diagnostics import Diagnostic, Fix, Note, Report, Span
from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.promql import PromQLError, parse
from monitoring_kit.promql.world import World
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.shapes import Item


def check_system(system: System, model: Model, report: Report) -> None:
    """Report what is wrong in the expressions and templates of ``system``; what the spec disables is left out."""
    disabled = Disabled(system, report)
    subjects = subjects_of(system, model, report)
    for about in subjects:
        for finding in findings(about):
            disabled.add(about, diagnostic(about, finding))
    for check in group_checks():
        for about, finding in check.run(subjects):
            disabled.add(about, diagnostic(about, finding))
    disabled.finish()


def subjects_of(system: System, model: Model, report: Report) -> list[Subject]:
    """Every expression that is checked: the author's own, and one of each shape that mkit made."""
    world = spec_world(system, model)
    return [*_written(model, world), *_panels(system, world, report), *_generated(model, world)]


def _written(model: Model, world: World) -> Iterator[Subject]:
    """Raw alerts."""
    for group in model.groups:
        for rule in group.rules:
            if isinstance(rule, AlertingRule) and rule.kind == "expr" and rule.spec is not None:
                yield subject(
                    "alert", rule.name, rule.expr, world, rule.spec.expr, for_ms=rule.for_.ms, keep_ms=rule.keep_firing_for.ms,
                    interval_ms=group.interval.ms if group.interval else world.evaluation_ms, labels=rule.labels,
                    annotations=rule.annotations, group=group.name, place=rule.spec,
                )  # fmt: skip


def _panels(system: System, world: World, report: Report) -> Iterator[Subject]:
    for dashboard in system.spec.dashboards.values():
        for panel in dashboard.panels:
            if panel.query is None:
                continue
            try:
                expr = parse(panel.query, variables=True)
            except PromQLError as error:
                where = panel.at("query", error.span[0], max(error.span[1], error.span[0] + 1))
                report.error("promql/syntax", f"invalid PromQL: {error.message}", where, help=error.help)
                continue
            yield subject(
                "panel", panel.title, expr, world, panel.query, unit=panel.unit, group=dashboard.title, place=panel
            )


def _generated(model: Model, world: World) -> Iterator[Subject]:
    """Rules that mkit made: one of each shape, so that a thousand services of a kind cost no more than one."""
    seen: set[object] = set()
    for group in model.groups:
        for rule in group.rules:
            if isinstance(rule, AlertingRule):
                if rule.kind == "expr" and rule.spec is not None:
                    continue
                view = model.system.services.get(rule.service or "")
                kind = view.spec.kind if view is not None else None
                thresholds = tuple((str(c.use), c.comparator, c.threshold.value) for c in rule.conditions)
                shape: object = (rule.name, kind, thresholds, rule.severity, rule.for_.ms)
            else:
                use = rule.use
                shape = (id(use.signal), use.quantile, use.window) if use is not None else (alike(rule), rule.shape)
            if shape in seen:
                continue
            seen.add(shape)
            if isinstance(rule, AlertingRule):
                yield subject(
                    "alert", rule.name, rule.expr, world, for_ms=rule.for_.ms, keep_ms=rule.keep_firing_for.ms, labels=rule.labels,
                    annotations=rule.annotations, group=group.name, generated=True, place=rule.spec or rule.origin,
                    interval_ms=group.interval.ms if group.interval else world.evaluation_ms, watchdog=rule.kind == "watchdog",
                )  # fmt: skip
            else:
                origin = rule.use.signal.span if rule.use is not None else rule.origin
                yield subject("record", rule.record, rule.expr, world, group=group.name, generated=True, place=origin)


def diagnostic(about: Subject, finding: Finding) -> Diagnostic:
    """The finding in its author's file."""
    place = finding.place or about.place
    span = _span(about, place, finding.field, finding.span)
    notes = tuple(
        Note(where, text)
        for stretch, text in finding.notes
        if (where := _span(about, place, "expr", stretch)) != span and not about.generated
    )
    fix = None
    if finding.fix is not None and not about.generated and _simple(finding.fix[1], place, _key(about)):
        fix = Fix(_span(about, place, "expr", finding.fix[0]), finding.fix[1])
    message = finding.message if not about.generated else f"`{about.name}`: {finding.message} (in `{about.text}`)"
    return Diagnostic(finding.code, finding.severity, message, span, finding.help, notes, fix)


def _key(about: Subject) -> str:
    return "query" if about.use == "panel" else "expr"


def _span(about: Subject, place: object, field: str, stretch: tuple[int, int]) -> Span:
    if isinstance(place, Span):
        return place
    assert isinstance(place, Item)
    if field == "expr" and about.generated:
        return place.at("when") if place.has("when") else place.at(None)
    if field == "expr":
        field = _key(about)
    elif field.startswith("labels."):
        return place.at("labels") if place.has("labels") else place.at(None)
    if not place.has(field):
        return place.at(_key(about)) if not about.generated else place.at(None)
    if field in ("for", "unit"):
        return place.at(field)
    return place.at(field, stretch[0], max(stretch[1], stretch[0] + 1))


def _simple(text: str, place: object, key: str) -> bool:
    """Whether ``text`` means itself wherever the scalar allows it: a fix replaces characters, it quotes nothing."""
    if not isinstance(place, Item) or any(c in text for c in "\"'\\\n#"):
        return False
    node = place.node.get(key)
    return not getattr(node, "plain", True) or not any(c in text for c in "[]{},:")
