"""Tiles: average rates over abutting stretches, one rule for all SLOs, from which long windows are added up.

A tile is the average of overlapping five-minute rates, not one of them: a rate over abutting windows loses the increment
that straddles their edge.
"""

from __future__ import annotations

from monitoring_kit.conventions import SLO_BAD, SLO_CALENDAR, SLO_TOTAL, slo_tile
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import Matching, VectorSelector

_RATES = {"total": SLO_TOTAL, "bad": SLO_BAD}
# Half of the hour that a tile covers: it belongs to the period in which most of it lies.
_HALF_TILE = 1800


def five_minutes() -> list[tuple[str, Expr]]:
    """(record, expression) of the tiles of five minutes."""
    return [(slo_tile(kind, "5m"), q.over_time("avg", VectorSelector(rate), "5m")) for kind, rate in _RATES.items()]


def hours() -> list[tuple[str, Expr]]:
    """The tiles of an hour."""
    return [(slo_tile(k, "1h"), q.over_time("avg", VectorSelector(slo_tile(k, "5m")), "1h")) for k in _RATES]


def calendar(unit: str) -> list[tuple[str, Expr]]:
    """The tiles of an hour with the calendar period that they belong to as a label: 202611, or 20264 for a quarter."""
    marked = Matching(True, (), "left", (SLO_CALENDAR,))
    period = q.aggregate("count_values", period_number(unit, _HALF_TILE), param=SLO_CALENDAR)
    return [(slo_tile(k, f"1h_{unit}"), q.mul(VectorSelector(slo_tile(k, "1h")), period, marked)) for k in _RATES]


def period_number(unit: str, ago: int = 0) -> Expr:
    """The number of the calendar period at the time of evaluation, or ``ago`` seconds before."""
    moment = q.vector(q.sub(q.call("time"), ago) if ago else q.call("time"))
    year, month = q.call("year", moment), q.call("month", moment)
    if unit == "month":
        return q.add(q.mul(year, 100), month)
    return q.add(q.mul(year, 10), q.call("ceil", q.div(month, 3)))
