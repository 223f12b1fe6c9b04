"""Time intervals that mute nothing."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.checks.routing.matchers import contradiction
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.load.nodes import Scalar, Sequence

CODE = "routes/quiet-hours"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    used: set[str] = set()
    reached: set[str] = set()
    for route in routing.routes():
        names = {
            item.text
            for key in ("mute_time_intervals", "active_time_intervals")
            if isinstance(block := route.node.get(key), Sequence)
            for item in block.items
            if isinstance(item, Scalar)
        }
        used |= names
        path = route.path()
        if names and contradiction(path) is None and (not alerts or any(alert.can(path) for alert in alerts)):
            reached |= names
    for name, span in routing.intervals.items():
        if name not in used:
            yield Diagnostic(
                CODE,
                Severity.WARNING,
                f"no route uses the time interval `{name}`: it mutes nothing",
                span,
                "name it in `mute_time_intervals` or `active_time_intervals` of a route",
            )
        elif name not in reached:
            yield Diagnostic(
                CODE,
                Severity.WARNING,
                f"no alert can reach a route that uses the time interval `{name}`: it mutes nothing",
                span,
                "correct the matchers of those routes",
            )


CHECK = RouteCheck(CODE, run)
