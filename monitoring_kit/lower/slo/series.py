"""Selectors of an SLO's recorded series, with holes for what differs between services."""

from __future__ import annotations

from monitoring_kit.conventions import SERVICE, SLO, SLO_BAD, SLO_DEFINITION, SLO_EVENTS, SLO_TOTAL, slo_ratio
from monitoring_kit.promql import ast
from monitoring_kit.promql import build as q
from monitoring_kit.promql.template import hole
from monitoring_kit.spec.quantity import Duration

_SERVICE, _SLO, _EVENTS, _DEFINITION = (hole(name) for name in ("service", "slo", "events", "definition"))


def total(name: str) -> ast.VectorSelector:
    """A recorded series of all events."""
    return q.metric(name, {SERVICE: _SERVICE, SLO_EVENTS: _EVENTS})


def bad(name: str) -> ast.VectorSelector:
    """A recorded series of bad events, or of their share."""
    return q.metric(name, {SERVICE: _SERVICE, SLO: _SLO, SLO_DEFINITION: _DEFINITION})


def total_rate() -> ast.VectorSelector:
    return total(SLO_TOTAL)


def bad_rate() -> ast.VectorSelector:
    return bad(SLO_BAD)


def ratio(window: Duration) -> ast.VectorSelector:
    return bad(slo_ratio(str(window)))
