"""A receiver to which no route leads."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/unused-receiver"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    if routing.tree is None:
        return
    used = {route.receiver for route in routing.routes()}
    for name, span in routing.receivers.items():
        if name not in used:
            yield Diagnostic(
                CODE,
                Severity.WARNING,
                f"no route leads to the receiver `{name}`: it is never told anything",
                span,
                "add a route to it, or remove it",
            )


CHECK = RouteCheck(CODE, run)
