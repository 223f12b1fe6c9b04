"""What is left of each budget: one rule for all SLOs of a period."""

from __future__ import annotations

from monitoring_kit.conventions import (
    SERVICE,
    SLO,
    SLO_BUDGET,
    SLO_BUDGET_LEFT,
    SLO_CALENDAR,
    SLO_CURRENT_BURN,
    SLO_DEFINITION,
    SLO_OBJECTIVE,
    SLO_PERIOD,
    SLO_PERIOD_BURN,
    SLO_PERIOD_ERROR,
    slo_ratio,
    slo_tile,
)
from monitoring_kit.lower.slo.ratios import all_over
from monitoring_kit.lower.slo.tiles import period_number
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import VectorSelector
from monitoring_kit.spec.slos import Period

IDENTITY = (SERVICE, SLO, SLO_DEFINITION)


def period_error(period: Period) -> Expr:
    """The share of bad events of the period so far, for all SLOs that have it.

    Rolling: from the tiles of an hour; before the first of them, the last hour's small tiles stand in. Calendar: from those
    tiles of an hour that carry the current period's number.
    """
    mine = q.metric(SLO_OBJECTIVE, {SLO_PERIOD: str(period)})
    if period.calendar:
        shares = all_over(
            slo_tile("bad", f"1h_{period.unit}"), slo_tile("total", f"1h_{period.unit}"), str(period.length)
        )
        now = q.aggregate("count_values", period_number(period.unit), param=SLO_CALENDAR)
        expr: Expr = q.aggregate("max", q.and_(shares, now, q.matching(on=(SLO_CALENDAR,))), without=(SLO_CALENDAR,))
    else:
        hourly = all_over(slo_tile("bad", "1h"), slo_tile("total", "1h"), str(period))
        expr = q.or_(hourly, all_over(slo_tile("bad", "5m"), slo_tile("total", "5m"), "2h"))
    return q.and_(expr, mine, q.matching(on=IDENTITY))


def budgets() -> list[tuple[str, Expr]]:
    """(record, expression) of the budget, how fast it is spent, and what is left of it (below 0 when it is overspent)."""
    of_budget = q.matching(on=IDENTITY, group="left")
    budget = VectorSelector(SLO_BUDGET)
    return [
        (SLO_BUDGET, q.sub(1, VectorSelector(SLO_OBJECTIVE))),
        (SLO_CURRENT_BURN, q.div(VectorSelector(slo_ratio("1h")), budget, of_budget)),
        (SLO_PERIOD_BURN, q.div(VectorSelector(SLO_PERIOD_ERROR), budget, of_budget)),
        (SLO_BUDGET_LEFT, q.sub(1, VectorSelector(SLO_PERIOD_BURN))),
    ]
