"""Alerts that no route is meant for."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/default-receiver"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    tree = routing.tree
    if tree is None or not tree.children:
        return
    for alert in alerts or ():
        if not any(alert.can(child.matchers) for child in tree.children):
            text = f"no route matches `{alert.name}`: it falls to the default receiver `{tree.receiver}`"
            yield Diagnostic(
                CODE, Severity.INFO, text, alert.span, "give it the label that a route matches, or add a route"
            )


CHECK = RouteCheck(CODE, run)
