"""A route that no alert can reach."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.routing.check import Alerts, RouteCheck
from monitoring_kit.checks.routing.config import Route, Routing
from monitoring_kit.checks.routing.matchers import Matcher, contradiction
from monitoring_kit.diagnostics import Diagnostic, Note
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.diagnostics.suggest import closest

CODE = "routes/never-matches"


def run(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    dead: set[int] = set()
    for route in routing.routes():
        if route.parent is None or id(route.parent) in dead:
            dead |= {id(route)} if id(route.parent) in dead else set()
            continue
        path = route.path()
        clash = contradiction(path)
        if clash is not None:
            dead.add(id(route))
            own = [m for m in route.matchers if m in clash]
            notes = tuple(Note(m.span, "this must hold as well") for m in clash if m is not (own or clash)[0])
            text = f"no value of `{clash[0].label}` satisfies {' and '.join(f'`{m}`' for m in clash)}: no alert ever gets here"
            yield Diagnostic(
                CODE, Severity.ERROR, text, (own or clash)[0].span, "correct the matchers, or remove the route", notes
            )
        elif alerts and route.matchers and not any(alert.can(path) for alert in alerts):
            dead.add(id(route))
            matcher = guilty(route.matchers, path, alerts)
            yield Diagnostic(
                CODE,
                Severity.WARNING,
                f"none of the {len(alerts)} alerts can match {told(route, matcher)}",
                matcher.span if matcher else route.where,
                suggestion(matcher, alerts),
            )


def guilty(own: list[Matcher], path: list[Matcher], alerts: Alerts) -> Matcher | None:
    """The matcher that alone is satisfied by no alert."""
    return next((m for m in own if not any(alert.can([m]) for alert in alerts or ())), None)


def told(route: Route, matcher: Matcher | None) -> str:
    return f"`{matcher}`" if matcher else "this route: " + ", ".join(f"`{m}`" for m in route.matchers)


def suggestion(matcher: Matcher | None, alerts: Alerts) -> str:
    """What was meant, where the alerts show it."""
    if matcher is None or not alerts:
        return "correct the matchers, or remove the route"
    values = sorted({v for alert in alerts for d in alert.domains(matcher.label) for v in d.values or () if v})
    near = closest(matcher.value, values)
    if near:
        return f'did you mean `{matcher.label}{matcher.op}"{near}"`?'
    if values:
        return (
            f"the alerts have `{matcher.label}` "
            + ", ".join(f"`{v}`" for v in values[:8])
            + (" …" if len(values) > 8 else "")
        )
    return f"no alert has the label `{matcher.label}`"


CHECK = RouteCheck(CODE, run)
