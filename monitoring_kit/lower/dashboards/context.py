"""What all dashboards of a system share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from monitoring_kit.conventions import service_dashboard, system_dashboard
from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.dashboards.infer import Units
from monitoring_kit.lower.dashboards.limits import Limit, signal_limits
from monitoring_kit.lower.model import AlertingRule, Model
from monitoring_kit.lower.plans import Plan
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.quantity import Duration

# Carried by every link between dashboards: the time range and the data source.
KEEP = "${__url_time_range}&${datasource:queryparam}"


# Up to this many services, panels that show all of them name each for its own link.
_FEW = 20


@dataclass(frozen=True)
class Context:
    """The system, its model, and what is looked up in them once."""

    system: System
    model: Model
    report: Report

    @cached_property
    def limits(self) -> dict[tuple[str, str], list[Limit]]:
        """Limits of the alerts by service and use of a signal."""
        return signal_limits(self.model)

    @cached_property
    def uses(self) -> dict[str, list[tuple[SignalUse, str]]]:
        """The recorded uses of each service's signals, in the order of the pack, with the names of their series."""
        found: dict[str, list[tuple[SignalUse, str]]] = {name: [] for name in self.system.services}
        for rule in self.model.recordings:
            if rule.use is not None and rule.service in found:
                found[rule.service].append((rule.use, rule.record))
        for name, uses in found.items():
            order = {signal: i for i, signal in enumerate(self.system.services[name].signals)}
            uses.sort(key=lambda pair, order=order: order.get(pair[0].signal.name, len(order)))  # type: ignore[misc]
        return found

    @cached_property
    def plans(self) -> dict[str, list[Plan]]:
        """What is watched by its history, by service."""
        found: dict[str, list[Plan]] = {}
        for plan in self.model.plans:
            found.setdefault(plan.service, []).append(plan)
        return found

    @cached_property
    def family_alerts(self) -> dict[tuple[str, str], list[AlertingRule]]:
        """The alerts on what is watched by its history, by service and signal."""
        found: dict[tuple[str, str], list[AlertingRule]] = {}
        for rule in self.model.alerts if self.plans else ():
            if rule.service is not None and "signal" in rule.labels:
                found.setdefault((rule.service, rule.labels["signal"]), []).append(rule)
        return found

    @cached_property
    def units(self) -> Units:
        """Inference of units for queries."""
        recorded = {r.record: r.use.signal.display_unit for r in self.model.recordings if r.use is not None}
        return Units(self.system.registry, recorded)

    @cached_property
    def tags(self) -> list[str]:
        """The tags of every dashboard: the dropdown of related dashboards goes by the second."""
        return ["mkit", self.system.slug]

    @cached_property
    def service_uids(self) -> dict[str, str]:
        """The uid of every service's dashboard."""
        return {name: service_dashboard(self.system.name, name) for name in self.system.services}

    @cached_property
    def related(self) -> dict[str, Any]:
        """A dropdown of the system's dashboards. It keeps the time, but not the variables: an instance of one service
        would empty the panels of another."""
        return {
            "type": "dashboards",
            "title": "Related dashboards",
            "tags": [self.system.slug],
            "asDropdown": True,
            "includeVars": False,
            "keepTime": True,
            "targetBlank": False,
            "icon": "external link",
            "tooltip": "",
            "url": "",
        }

    @cached_property
    def overview(self) -> dict[str, Any]:
        """A link to the system's dashboard."""
        uid = system_dashboard(self.system.name)
        return dashboard_link("System overview", f"/d/{uid}?${{datasource:queryparam}}", "All services at a glance")

    @cached_property
    def service_links(self) -> list[dict[str, Any]]:
        """Drill-down from a line that has the label ``service`` to that service's dashboard, where the uid can be made
        from the label; else a search for it, since Grafana cannot map a label to a uid."""
        prefix = service_dashboard(self.system.name, "x")[:-1]
        if all(uid == prefix + name for name, uid in self.service_uids.items()):
            url = f"/d/{prefix}${{__field.labels.service}}?{KEEP}"
        else:
            url = f"/dashboards?query=${{__field.labels.service}}&tag={self.system.slug}"
        return [data_link("Dashboard of ${__field.labels.service}", url)]

    @cached_property
    def service_overrides(self) -> list[dict[str, Any]]:
        """Drill-down for lines that are named by their service, where there are few enough to name each: instead of the
        search."""
        if len(self.service_uids) > _FEW or "dashboards?query" not in self.service_links[0]["url"]:
            return []
        return [
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "links", "value": [data_link(f"Dashboard of {name}", f"/d/{uid}?{KEEP}")]}],
            }
            for name, uid in self.service_uids.items()
        ]

    @cached_property
    def shortest(self) -> Duration:
        """The shortest scrape interval of all services."""
        return self.interval(*self.system.services)

    def interval(self, *services: str) -> Duration:
        """The shortest scrape interval of some services; the global one for none."""
        found = [self.system.services[name].interval for name in services if name in self.system.services]
        return min(found, default=self.system.spec.prometheus.scrape_interval)

    def step(self, service: str) -> str | None:
        """The shortest step of a panel that shows one service, where the data source's own would be too short: with it
        ``$__rate_interval`` never spans less than four scrapes."""
        interval = self.system.services[service].interval
        return str(interval) if interval > self.system.spec.prometheus.scrape_interval else None


def dashboard_link(title: str, url: str, tooltip: str, *, blank: bool = False) -> dict[str, Any]:
    """A link in the head of a dashboard."""
    return {
        "type": "link",
        "title": title,
        "url": url,
        "tooltip": tooltip,
        "icon": "external link" if blank else "dashboard",
        "asDropdown": False,
        "includeVars": False,
        "keepTime": not blank,
        "targetBlank": blank,
        "tags": [],
    }


def data_link(title: str, url: str, *, blank: bool = False) -> dict[str, Any]:
    """A link from a value of a panel, or from a panel's head."""
    return {"title": title, "url": url, "targetBlank": blank}
