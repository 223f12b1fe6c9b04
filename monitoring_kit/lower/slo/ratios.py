"""The share of bad events over a window: the ratio of the sums, never the average of ratios; no value without events."""

from __future__ import annotations

from monitoring_kit.conventions import SLO, SLO_BAD, SLO_DEFINITION, SLO_TOTAL, slo_tile
from monitoring_kit.lower.slo import series
from monitoring_kit.lower.slo.level0 import part_or_zero
from monitoring_kit.lower.slo.shape import BASE, HOUR, Shape
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import Matching, Paren, VectorSelector
from monitoring_kit.spec.quantity import Duration

# The bad side has the labels of the SLO beyond those of the events that several SLOs may share.
SHARED = Matching(False, (SLO, SLO_DEFINITION), "left")


def ratio_expr(shape: Shape, window: Duration) -> Expr:
    """The cheapest expression that the profile allows for ``window``.

    Raw samples up to the profile's bound, tiles of five minutes above it. Five minutes are what is recorded already.
    With planned maintenance every window is read from the recorded rates, which leave it out. What cannot be tiled is
    always computed from raw samples.
    """
    sli = shape.sli
    if sli.kind == "ratio":
        # Drops NaN (0/0) and +Inf (bad events without any event).
        return q.lt(q.ge(sli.part_over(window), 0), float("inf"))
    if not sli.tileable:
        return _raw(shape, window)
    if window == BASE:
        return over_events(series.bad_rate(), series.total_rate())
    if shape.maintenance and window <= HOUR:
        return summed(shape, SLO_BAD, SLO_TOTAL, window)
    if from_recorded(shape, window):
        return summed(shape, slo_tile("bad", "5m"), slo_tile("total", "5m"), window)
    return _raw(shape, window)


def from_recorded(shape: Shape, window: Duration) -> bool:
    """Whether ``ratio_expr`` reads nothing but recorded series: then the window alone decides it."""
    return shape.sli.tileable and (window == BASE or shape.maintenance != () or window > shape.raw_up_to)


def _raw(shape: Shape, window: Duration) -> Expr:
    sli = shape.sli
    total = Paren(q.gt(sli.total_over(window), 0))
    share = q.div(Paren(part_or_zero(shape, window)), total, q.matching(on=sli.by))
    return share if sli.kind == "bad" else q.clamp_min(q.sub(1, share), 0)


def summed(shape: Shape, bad: str, total: str, window: Duration) -> Expr:
    """From recorded rates: the step between samples cancels out."""
    top, bottom = series.bad(bad), series.total(total)
    return over_events(q.over_time("sum", top, str(window)), q.over_time("sum", bottom, str(window)))


def over_events(bad: Expr, total: Expr) -> Expr:
    """``bad / total`` of recorded rates, where there are events."""
    return q.div(bad, Paren(q.gt(total, 0)), SHARED)


def all_over(bad: str, total: str, window: str) -> Expr:
    """The same for all SLOs in one rule."""
    return over_events(
        q.over_time("sum", VectorSelector(bad), window), q.over_time("sum", VectorSelector(total), window)
    )
