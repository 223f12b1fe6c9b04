"""The fast recordings: events per second, all and bad, over five minutes."""

from __future__ import annotations

from monitoring_kit.lower.slo import series
from monitoring_kit.lower.slo.shape import BASE, Shape
from monitoring_kit.promql import Expr
from monitoring_kit.promql import build as q
from monitoring_kit.spec.quantity import Duration


def total_expr(shape: Shape) -> Expr:
    """All events; nothing during maintenance."""
    return _open(shape, shape.sli.total_over(BASE))


def bad_expr(shape: Shape) -> Expr:
    """Bad events, 0 where there are events but no bad one was ever seen; nothing during maintenance."""
    part = part_or_zero(shape, BASE)
    if shape.sli.kind == "good":
        total = series.total_rate()
        part = q.clamp_min(q.sub(total, part, q.matching(on=shape.sli.by)), 0)
    return _open(shape, part)


def part_or_zero(shape: Shape, window: Duration) -> Expr:
    """The SLI's part over ``window``, 0 where it has no series yet but events were counted.

    `or on (labels)`, since a plain `or` compares the recorded labels too and would give two series the same labels.
    """
    zero = q.mul(0, series.total_rate())
    return q.or_(shape.sli.part_over(window), zero, q.matching(on=shape.sli.by))


def _open(shape: Shape, expr: Expr) -> Expr:
    work = shape.at_work
    return expr if work is None else q.unless(expr, work, q.matching(on=()))
