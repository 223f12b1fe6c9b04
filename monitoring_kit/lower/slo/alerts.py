"""The conditions of an SLO's alerts."""

from __future__ import annotations

from monitoring_kit.conventions import SLO_BAD, SLO_TOTAL
from monitoring_kit.lower.slo import series
from monitoring_kit.lower.slo.shape import BASE, HOUR, Shape
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.spec.quantity import Duration


def burn_expr(shape: Shape, tier: TierPlan) -> Expr:
    """Both windows above the tier's limit: the long one tells that it matters, the short one that it still goes on.

    The value is the share of bad events over the long window. Pages also need the floor of events in it.
    """
    parts = [_above(shape, window, shape.limit(tier)) for window in (tier.long, tier.short)]
    expr: Expr = q.and_(parts[0], parts[1])
    if tier.page and shape.floor is not None:
        events = count(shape, SLO_TOTAL, tier.long)
        expr = q.and_(expr, q.ge(events, shape.floor.total))
    return _not_at_work(shape, expr)


def low_traffic_expr(shape: Shape) -> Expr:
    """Below the floor: as many bad events within the hour as a person should look at. The value is their number.

    Half an event of tolerance: rates extrapolate counts to the ends of their windows.
    """
    assert shape.floor is not None
    bad = q.gt(count(shape, SLO_BAD, HOUR), shape.floor.bad - 0.5)
    few = q.lt(count(shape, SLO_TOTAL, HOUR), shape.floor.total)
    return _not_at_work(shape, q.and_(bad, few))


def vanished_expr(shape: Shape) -> Expr:
    """The counters of events are gone: with them every other alert of the SLO is blind."""
    read = series.ratio(BASE) if shape.sli.total is None else series.total_rate()
    return _not_at_work(shape, q.max_by((), q.absent(read)))


def count(shape: Shape, name: str, window: Duration) -> Expr:
    """Events within ``window``, from the recorded rates: rate x step, added up over its samples."""
    chosen = series.bad(name) if name == SLO_BAD else series.total(name)
    step = shape.step.seconds if shape.sli.unit == "rate" else shape.step.seconds / BASE.seconds
    return q.mul(q.sum_by(shape.sli.by, q.over_time("sum", chosen, str(window))), float(f"{step:.12g}"))


def _above(shape: Shape, window: Duration, limit: float) -> Expr:
    # The maximum only removes the labels that no notification needs.
    return q.max_by(shape.sli.by, q.gt(series.ratio(window), limit))


def _not_at_work(shape: Shape, expr: Expr) -> Expr:
    work = shape.at_work
    return expr if work is None else q.unless(expr, work, q.matching(on=()))
