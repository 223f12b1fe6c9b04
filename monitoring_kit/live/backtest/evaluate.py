"""Evaluate one expression at every step of a range, in queries that the server accepts."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitoring_kit.live.backtest.client import MAX_POINTS, Client
from monitoring_kit.live.backtest.errors import BacktestError, EvaluationError
from monitoring_kit.live.backtest.machine import Series

# Halvings of one expression's range that are spent on finding out which evaluations fail.
MAX_SPLITS = 256
_TOO_MUCH = ("timeout", "unavailable", "internal")


@dataclass(slots=True)
class Evaluation:
    """The elements of an expression over a grid of evaluations, and the indexes of those that failed.

    ``guessed`` says that not every failing evaluation was told apart: some in ``failed`` may have worked.
    """

    series: dict[tuple[tuple[str, str], ...], Series] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    error: str = ""
    guessed: bool = False
    _splits: int = 0


def evaluate(client: Client, expr: str, start: int, step: int, count: int) -> Evaluation:
    """``expr`` at ``start + i * step`` for each ``i < count``. A query that fails is halved until the failing evaluations are
    alone. Raises EvaluationError when the server cannot read ``expr``, BacktestError when there is no answer."""
    found = Evaluation()
    for first in range(0, count, MAX_POINTS):
        _part(client, expr, start, step, first, min(MAX_POINTS, count - first), found)
    return found


def _part(client: Client, expr: str, start: int, step: int, first: int, count: int, found: Evaluation) -> None:
    try:
        result = client.query_range(expr, start + first * step, start + (first + count - 1) * step, step)
    except EvaluationError as error:
        if error.kind == "bad_data":
            raise
        if count > 1 and found._splits < MAX_SPLITS:
            found._splits += 1
            half = count // 2
            _part(client, expr, start, step, first, half, found)
            _part(client, expr, start, step, first + half, count - half, found)
            return
        if error.kind in _TOO_MUCH or "too many samples" in error.message:
            raise BacktestError(
                "backtest/too-expensive", f"the server gave up: {error.message}",
                "raise --timeout, or the server's --query.timeout and --query.max-samples",
            ) from None  # fmt: skip
        found.error = found.error or error.message
        found.guessed = found.guessed or count > 1
        found.failed.update(range(first, first + count))
        return
    for element in result:
        labels: dict[str, str] = element["metric"]
        key = tuple(sorted(labels.items()))
        values = found.series.setdefault(key, Series(labels, {})).values
        for at, value in element.get("values", ()):
            values[round((at * 1000 - start) / step)] = float(value)
        for at, _ in element.get("histograms", ()):
            values[round((at * 1000 - start) / step)] = float("nan")
