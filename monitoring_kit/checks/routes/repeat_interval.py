"""A repeat_interval that is shorter than the group_interval."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic, Note
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.promql.literals import format_duration

CODE = "routes/repeat-interval"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    for route in routing.routes():
        repeat, group = route.times["repeat_interval"], route.times["group_interval"]
        own = [key for key in ("repeat_interval", "group_interval") if key in route.node.entries]
        # Up to a tenth shorter is how one asks for every look: exactly as long, and a moment's jitter skips one.
        if repeat * 10 >= group * 9 or not own:
            continue
        notes = (
            (Note(route.node.value_span("group_interval"), "a group is looked at this often"),) if len(own) == 2 else ()
        )
        yield Diagnostic(
            CODE, Severity.WARNING,
            f"a group is looked at every {format_duration(group)} only: a repeat_interval of {format_duration(repeat)} has no effect",
            route.node.value_span(own[0]), f"repeat after {format_duration(group)} or later, or shorten `group_interval`", notes,
        )  # fmt: skip


CHECK = RouteCheck(CODE, run)
