"""What several pages say: who is told, who answers, where the dashboards are."""

from __future__ import annotations

from dataclasses import field

from monitoring_kit import conventions
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.docs import families
from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.model import AlertingRule, Condition, Model, RecordingRule
from monitoring_kit.lower.slo import SloPlan
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.channels import Channel, Email, Slack
from monitoring_kit.spec.owner import Owner

WORDS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to", "!=": "not equal to"}
_GENERATED = {
    conventions.SERVICE_DOWN: "none of its targets answers",
    conventions.TARGET_DOWN: "a target does not answer while others do",
    conventions.SERVICE_ABSENT: "Prometheus knows no target of it",
}


@dataclass(frozen=True)
class Facts:
    """The system and its model, indexed once for all pages."""

    system: System
    model: Model
    alerts: dict[str, list[AlertingRule]] = field(default_factory=dict)
    by_service: dict[str, list[AlertingRule]] = field(default_factory=dict)
    recordings: dict[str, list[RecordingRule]] = field(default_factory=dict)
    slos: dict[str, list[SloPlan]] = field(default_factory=dict)

    @classmethod
    def of(cls, system: System, model: Model) -> Facts:
        """Index the rules by alert name, by service, and recordings by service."""
        facts = cls(system, model)
        for alert in model.alerts:
            facts.alerts.setdefault(alert.name, []).append(alert)
            if alert.service is not None:
                facts.by_service.setdefault(alert.service, []).append(alert)
        for rule in model.recordings:
            if rule.service is not None:
                facts.recordings.setdefault(rule.service, []).append(rule)
        for plan in model.slos:
            facts.slos.setdefault(plan.service, []).append(plan)
        return facts

    def recording_of(self, service: str | None, condition: Condition) -> RecordingRule | None:
        """The rule that records what a condition reads."""
        name = self.model.recorded_name(service, condition.use) if service is not None else None
        return next((r for r in self.recordings.get(service or "", ()) if r.record == name), None)


def dashboard(system: System, service: str | None) -> str:
    """A link to the dashboard of a service (of the system for None); only its uid where Grafana's address is not known."""
    uid = conventions.service_dashboard(system.name, service) if service else conventions.system_dashboard(system.name)
    return dashboard_link(system, uid, f"{service or system.name}")


def dashboard_link(system: System, uid: str, title: str) -> str:
    """A link to the dashboard with that uid."""
    if system.spec.grafana.url is None:
        return f"{md.text(title)} (uid {md.code(uid)})"
    return md.link(md.text(title), f"{system.spec.grafana.url.rstrip('/')}/d/{uid}")


def owner(who: Owner | None) -> str:
    """A team and how to reach it; "" for nobody."""
    if who is None:
        return ""
    ways = [md.text(way) for way in (who.email, who.slack) if way]
    return md.text(who.team) + (f" ({', '.join(ways)})" if ways else "")


def channel(item: Channel) -> str:
    """A channel: its name, kind and address as far as that is no secret."""
    address = ", ".join(item.to) if isinstance(item, Email) else item.channel if isinstance(item, Slack) else ""
    return f"{md.code(item.name)} ({md.text(item.kind)}{': ' + md.text(address) if address else ''})"


def condition(rule: AlertingRule) -> str:
    """When an alert fires, in words."""
    lasting = f" for {rule.for_}" if rule.for_.ms else ""
    if not rule.conditions:
        return (families.fires(rule) or _GENERATED.get(rule.name, "the query returns a series")) + lasting
    parts = [
        f"{md.code(str(c.use))} is {WORDS[c.comparator]} {md.text(c.threshold.text.strip())}" for c in rule.conditions
    ]
    return " and ".join(parts) + lasting


def services_of(rules: list[AlertingRule]) -> list[str]:
    """The services that alerts of one name are about, in the spec's order."""
    return list(dict.fromkeys(rule.service for rule in rules if rule.service is not None))


def listed(names: list[str], most: int = 8) -> str:
    """Names as code, at most that many and a count of the rest."""
    shown = ", ".join(md.code(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
