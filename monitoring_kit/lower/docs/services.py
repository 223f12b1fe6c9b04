"""``docs/services/<name>.md``: what a service is, what it is asked and what it needs."""

from __future__ import annotations

from collections import Counter

from monitoring_kit.lower.docs import facts as say
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.docs.facts import Facts
from monitoring_kit.resolve.signals import GRAFANA_UNITS
from monitoring_kit.resolve.system import ServiceView

_UNITS = {"per_second": "per second", "bytes_per_second": "bytes per second"}
assert set(_UNITS) <= set(GRAFANA_UNITS)


def service_page(facts: Facts, view: ServiceView) -> str:
    """The page of a service."""
    return md.page(
        f"# {md.text(view.name)}",
        md.text(view.spec.description),
        _summary(facts, view),
        md.section("Signals", _signals(facts, view)),
        md.section("Alerts", _alerts(facts, view)),
        md.section("Service level objectives", _slos(facts, view)),
        md.section("Dependencies", md.bullets(_dependencies(view))),
        md.section("Metrics", _metrics(facts, view)),
        md.section("Dashboards", md.bullets(_dashboards(facts, view))),
    )


def _summary(facts: Facts, view: ServiceView) -> str:
    rows = [
        ("Kind", f"{md.code(view.spec.kind)}: {md.text(view.pack.description)}"),
        ("Owner", say.owner(view.owner)),
        ("Scraped", _scraped(view)),
        ("Runbook", md.link(md.text(view.spec.runbook), view.spec.runbook) if view.spec.runbook else ""),
    ]
    return md.table(("", ""), [row for row in rows if row[1]])


def _scraped(view: ServiceView) -> str:
    scrape = view.spec.scrape
    if scrape is None:
        return "not at all"
    found = ("dns", "http", "file", "kubernetes", "docker", "consul")
    ways = [f"{name} discovery" for name in found if getattr(scrape, name) is not None]
    targets = say.listed(list(scrape.targets)) if scrape.targets else ""
    through = f" through {md.code(scrape.probe.exporter)}" if scrape.probe is not None else ""
    return ", ".join([*filter(None, [targets]), *ways]) + f"{through}, every {view.interval}"


def _signals(facts: Facts, view: ServiceView) -> str:
    recorded: dict[str, list[str]] = {}
    for rule in facts.recordings.get(view.name, ()):
        if rule.use is not None:
            recorded.setdefault(rule.use.signal.name, []).append(rule.record)
    rows = [
        (
            md.code(signal.name),
            md.text(signal.description),
            _UNITS.get(signal.unit, signal.unit),
            say.listed(recorded.get(signal.name, [])),
        )
        for signal in view.signals.values()
    ]
    table = md.table(("Signal", "Meaning", "Unit", "Recorded as"), rows) if rows else ""
    if not view.unlimited:
        return table
    names = say.listed(list(view.unlimited))
    return f"{table}\n\nTaken as shares of 1 core and 1 GiB, for the spec does not state the service's `resources`: {names}."


def _alerts(facts: Facts, view: ServiceView) -> str:
    rows = [
        (
            md.link(md.code(rule.name), f"../runbooks/{rule.name}.md"),
            say.condition(rule),
            rule.severity,
            ", ".join(md.code(name) for name in rule.notify),
        )
        for rule in facts.by_service.get(view.name, ())
    ]
    return md.table(("Alert", "Fires when", "Severity", "Tells"), rows) if rows else ""


def _slos(facts: Facts, view: ServiceView) -> str:
    rows = []
    for plan in facts.slos.get(view.name, ()):
        slo = plan.spec
        good = f"below {md.text(slo.threshold.text)}" if slo.threshold is not None else "no bad event"
        counted = md.code(slo.signal) if slo.signal else "its own query"
        by = ", ".join(md.code(label) for label in plan.by)
        rows.append(
            (
                md.code(slo.name),
                counted,
                good,
                md.text(slo.objective.text),
                str(plan.shape.period),
                by,
                say.owner(plan.owner),
            )
        )
    head = ("Objective", "Counts", "Good is", "Share of good", "Window", "For each", "Owner")
    return md.table(head, rows) if rows else ""


def _dependencies(view: ServiceView) -> list[str]:
    items = []
    if view.spec.depends_on:
        needs = ", ".join(md.link(md.code(name), f"{name}.md") for name in view.spec.depends_on)
        items.append(f"Needs {needs}. While one of them is down, the alerts of this service are held back.")
    if view.dependants:
        shown = ", ".join(md.link(md.code(name), f"{name}.md") for name in view.dependants[:20])
        more = f" and {len(view.dependants) - 20} more" if len(view.dependants) > 20 else ""
        items.append(f"Needed by {shown}{more}.")
    return items


def _metrics(facts: Facts, view: ServiceView) -> str:
    families = facts.system.registry.by_service.get(view.name, {})
    declared = [md.code(name) for name, info in families.items() if info.span is not None]
    sources = Counter(info.source for info in families.values() if info.span is None and info.source)
    items = [f"{md.code(source)}: {count} families" for source, count in sources.items()]
    if declared:
        items.insert(0, f"declared: {', '.join(declared)}")
    return (
        md.page(md.bullets(items), f"See the {md.link('metric reference', '../metrics.md')}.").rstrip() if items else ""
    )


def _dashboards(facts: Facts, view: ServiceView) -> list[str]:
    return [say.dashboard(facts.system, view.name), say.dashboard(facts.system, None)]
