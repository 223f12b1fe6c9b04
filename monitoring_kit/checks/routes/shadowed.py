"""A route behind one that takes all of its alerts."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.checks.routing.matchers import contradiction, implies
from monitoring_kit.diagnostics import Diagnostic, Note
from monitoring_kit.diagnostics.diagnostic import Severity

CODE = "routes/shadowed"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for parent in routing.routes():
        above = parent.path()
        for number, route in enumerate(parent.children):
            narrow = [*above, *route.matchers]
            if contradiction(narrow) is not None:
                continue
            for earlier in parent.children[:number]:
                if not earlier.continues and implies(narrow, earlier.matchers):
                    yield Diagnostic(
                        CODE, Severity.ERROR, "no alert ever gets here: whatever matches this route matches an earlier one, which keeps it",
                        route.where, "put the narrower route first, or give the earlier one `continue: true`",
                        (Note(earlier.where, "this route takes them all"),),
                    )  # fmt: skip
                    break


CHECK = RouteCheck(CODE, run)
