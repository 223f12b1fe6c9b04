"""``docs/index.md``: the way in."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.lower.docs import facts as say
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.docs.facts import Facts


def index(facts: Facts) -> str:
    """The page: services, alerts, channels and dashboards of the system."""
    system = facts.system
    return md.page(
        f"# {md.text(system.name)}",
        md.text(system.spec.description),
        f"Owner: {say.owner(system.spec.owner)}" if system.spec.owner else "",
        f"{md.link('Metric reference', 'metrics.md')} · {md.link('Running the stack', 'compose.md')}",
        md.section("Services", _services(facts)),
        md.section("Alerts", _alerts(facts)),
        md.section("Channels", md.bullets(say.channel(channel) for channel in system.spec.channels.values())),
        md.section("Dashboards", md.bullets(_dashboards(facts))),
    )


def _services(facts: Facts) -> str:
    rows = [
        (
            md.link(md.code(name), f"services/{name}.md"),
            md.code(view.spec.kind),
            md.text(view.spec.description or view.pack.title),
            md.text(view.owner.team) if view.owner else "",
            say.listed(list(view.spec.depends_on)),
            str(len(facts.by_service.get(name, ()))),
        )
        for name, view in facts.system.services.items()
    ]
    return md.table(("Service", "Kind", "What it does", "Owner", "Needs", "Alerts"), rows)


def _alerts(facts: Facts) -> str:
    rows = [
        (
            md.link(md.code(name), f"runbooks/{name}.md"),
            rules[0].severity,
            say.listed(say.services_of(rules), most=5) or "the whole system",
            ", ".join(md.code(channel) for channel in rules[0].notify),
        )
        for name, rules in sorted(facts.alerts.items())
    ]
    return md.table(("Alert", "Severity", "Services", "Tells"), rows) if rows else ""


def _dashboards(facts: Facts) -> list[str]:
    system = facts.system
    own = [
        say.dashboard_link(system, board.uid or conventions.spec_dashboard(system.name, key), board.title)
        for key, board in system.spec.dashboards.items()
    ]
    objectives = (
        [say.dashboard_link(system, conventions.slo_dashboard(system.name), "Objectives")] if facts.slos else []
    )
    return [say.dashboard(system, None), *objectives, *own, *(say.dashboard(system, name) for name in system.services)]
