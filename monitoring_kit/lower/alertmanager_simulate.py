"""Which channels an alert reaches: the emitted routing tree, walked as Alertmanager walks it (``dispatch/route.go``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager_hours import active, time_intervals
from monitoring_kit.lower.alertmanager_inhibition import inhibit_rules
from monitoring_kit.lower.alertmanager_matchers import matches
from monitoring_kit.lower.alertmanager_routes import (
    default_receiver,
    routing_tree,
    watchdog_channels,
    watchdog_receiver,
)
from monitoring_kit.lower.model import Model
from monitoring_kit.resolve.system import System

Labels = Mapping[str, str]


class Router:
    """The routing tree of a system, built once, for asking where many alerts go."""

    def __init__(self, system: System, model: Model) -> None:
        self._tree = routing_tree(system, model)
        self._hours = {
            i["name"]: i["time_intervals"] for i in time_intervals(system.spec.alerting.quiet_hours, Report())
        }
        self._inhibitions = inhibit_rules(system, model)
        self._channels: dict[str, tuple[str, ...]] = {name: (name,) for name in system.spec.channels}
        self._channels[default_receiver(system)] = tuple(
            c for c in system.default_channels if c in system.spec.channels
        )
        if watchdog_channels(system):
            self._channels[watchdog_receiver(system)] = watchdog_channels(system)

    def receivers(self, labels: Labels, at: datetime | None = None) -> list[str]:
        """The receivers of an alert in the order of the tree, as ``amtool config routes test`` lists them.

        With ``at`` (a time with a zone) the receivers of routes that are muted then are left out.
        """
        inherited: dict[str, Any] = {}
        routes = list(_matching(self._tree, labels, inherited))
        return [route["receiver"] for route in routes if at is None or not self._muted(route, at)]

    def channels(self, labels: Labels, at: datetime | None = None) -> set[str]:
        """The channels that an alert with these labels reaches."""
        return {channel for receiver in self.receivers(labels, at) for channel in self._channels[receiver]}

    def inhibited(self, labels: Labels, firing: Sequence[Labels]) -> bool:
        """Whether one of the ``firing`` alerts holds back an alert with these labels (``inhibit/inhibit.go``)."""
        return any(_holds_back(rule, labels, other) for rule in self._inhibitions for other in firing)

    def _muted(self, route: Mapping[str, Any], at: datetime) -> bool:
        names = route.get("active_time_intervals", [])
        return bool(names) and not any(active(self._hours[name], at) for name in names if name in self._hours)


def receivers_for(system: System, model: Model, labels: Labels, at: datetime | None = None) -> set[str]:
    """The channels that an alert with these labels reaches, at a time ``at`` or, when it is None, whatever the time.

    Silences and inhibition do not count. For many alerts build one ``Router``.
    """
    return Router(system, model).channels(labels, at)


def _matching(route: Mapping[str, Any], labels: Labels, inherited: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not matches(route.get("matchers", ()), labels):
        return
    own = {**inherited, **{k: v for k, v in route.items() if k in ("receiver", "active_time_intervals")}}
    found = False
    for child in route.get("routes", ()):
        below = list(_matching(child, labels, _passed_on(own)))
        yield from below
        found = found or bool(below)
        if below and not child.get("continue"):
            break
    if not found:
        yield own


def _passed_on(own: Mapping[str, Any]) -> dict[str, Any]:
    # Time intervals are not inherited by child routes, the receiver is.
    return {"receiver": own["receiver"]}


def _holds_back(rule: Mapping[str, Any], labels: Labels, other: Labels) -> bool:
    source, target = rule["source_matchers"], rule["target_matchers"]
    if not matches(target, labels) or not matches(source, other):
        return False
    return all(labels.get(name, "") == other.get(name, "") for name in rule.get("equal", ()))
