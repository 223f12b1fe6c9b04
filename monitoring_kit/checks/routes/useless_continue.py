"""continue: true where nothing follows."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/useless-continue"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for route in routing.routes():
        if route.continues and route.parent is None:
            yield Diagnostic(
                CODE,
                Severity.ERROR,
                "the root route cannot have `continue: true`: Alertmanager refuses the file",
                route.node.key_span("continue"),
                "remove it",
            )
        elif route.continues and route.parent is not None and route.parent.children[-1] is route:
            yield Diagnostic(
                CODE,
                Severity.INFO,
                "nothing follows this route: there is nothing to continue with",
                route.node.key_span("continue"),
                "remove `continue: true`",
            )


CHECK = RouteCheck(CODE, run)
