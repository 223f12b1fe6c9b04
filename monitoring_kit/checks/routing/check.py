"""A check of a routing tree, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from monitoring_kit.checks.routing.alerts import AlertLabels
from monitoring_kit.checks.routing.config import Routing
from monitoring_kit.diagnostics import Diagnostic

Alerts = Sequence[AlertLabels] | None
"""The alerts of the linted rules; None when no rules were given, so that nothing is known of alerts."""


class RouteCheck(NamedTuple):
    """One check: its code, and ``run``, which yields the findings in a configuration."""

    code: str
    run: Callable[[Routing, Alerts], Iterable[Diagnostic]]


@cache
def route_checks() -> tuple[RouteCheck, ...]:
    """Every check of ``monitoring_kit.checks.routes``, by name."""
    package = import_module("monitoring_kit.checks.routes")
    names = sorted(module.name for module in iter_modules(package.__path__))
    return tuple(import_module(f"{package.__name__}.{name}").CHECK for name in names)


def check_routing(routing: Routing, alerts: Alerts) -> Iterable[Diagnostic]:
    """Everything that the checks find."""
    for check in route_checks():
        yield from check.run(routing, alerts)
