"""All checks, imported when the first expression is checked."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from monitoring_kit.checks.finding import Check, GroupCheck

AREAS = ("alerts", "labels", "promql")


def _modules() -> list[Any]:
    found = []
    for area in AREAS:
        try:
            package = import_module(f"monitoring_kit.checks.{area}")
        except ModuleNotFoundError:
            continue
        names = sorted(module.name for module in iter_modules(package.__path__))
        found += [import_module(f"{package.__name__}.{name}") for name in names]
    return found


@cache
def checks() -> tuple[Check, ...]:
    """The checks of one expression each, in the order of their modules."""
    return tuple(m.CHECK for m in _modules() if isinstance(getattr(m, "CHECK", None), Check))


@cache
def group_checks() -> tuple[GroupCheck, ...]:
    """The checks of all expressions together."""
    return tuple(m.CHECK for m in _modules() if isinstance(getattr(m, "CHECK", None), GroupCheck))


@cache
def all_codes() -> frozenset[str]:
    """The codes of every check that can be disabled."""
    return frozenset((*(check.code for check in checks()), *(check.code for check in group_checks())))


@cache
def dispatch(use: str) -> tuple[tuple[Check, ...], dict[type[Any], tuple[Check, ...]]]:
    """(checks of whole subjects, checks by type of node) for one use of an expression."""
    whole = tuple(check for check in checks() if check.on is None and use in check.uses)
    by_type: dict[type[Any], tuple[Check, ...]] = {}
    for check in checks():
        if check.on is not None and use in check.uses:
            by_type[check.on] = (*by_type.get(check.on, ()), check)
    return whole, by_type
