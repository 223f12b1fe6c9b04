"""Which recording rules must be backfilled for a backtest."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_kit.live.backtest.inline import Recorded
from monitoring_kit.live.backtest.jobs import Job
from monitoring_kit.promql import Expr, metrics, walk
from monitoring_kit.promql.ast import MatrixSelector, VectorSelector


def needed(rules: Sequence[Recorded], jobs: Sequence[Job], *, ranged_only: bool) -> list[Recorded]:
    """Those of ``rules`` that ``jobs`` read, with all that these read in turn. With ``ranged_only`` only what some window reads,
    and what leads to it: an instant value costs as much to evaluate in its place."""
    names = {rule.record for rule in rules}
    exprs: list[Expr] = [job.expr for job in jobs]
    reached: set[str] = set()
    while exprs:
        expr = exprs.pop()
        fresh = (set(metrics(expr)) & names) - reached
        reached |= fresh
        exprs += [rule.expr for rule in rules if rule.record in fresh]
    if ranged_only:
        readers = [job.expr for job in jobs] + [rule.expr for rule in rules if rule.record in reached]
        wanted = {name for expr in readers for name in _ranged(expr)} & reached
        while True:
            below = {n for rule in rules if rule.record in wanted for n in metrics(rule.expr)} & reached
            if below <= wanted:
                break
            wanted |= below
        reached = wanted
    return [rule for rule in rules if rule.record in reached]


def _ranged(expr: Expr) -> set[str]:
    """The series that are read over a window, or at another time."""
    found = set()
    for node in walk(expr):
        if isinstance(node, MatrixSelector) and node.vector.name:
            found.add(node.vector.name)
        elif isinstance(node, VectorSelector) and node.name and node.offset is not None:
            found.add(node.name)
    return found
