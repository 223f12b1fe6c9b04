"""The unit of a query's value, from the metrics it reads: Grafana's unit id."""

from __future__ import annotations

from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.promql import Expr, metric_name
from monitoring_kit.promql.ast import (
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Number,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from monitoring_kit.resolve.registry import Registry

_COUNTING = frozenset(("count", "count_values", "group"))
_COUNTING_CALLS = frozenset(("count_over_time", "changes", "resets", "absent", "absent_over_time", "scalar", "sgn"))
_RATES = frozenset(("rate", "irate", "deriv"))
_PLAIN = "short"


class Units:
    """Infers units from declared metrics, recorded signals, and the base unit that ends a metric's name."""

    def __init__(self, registry: Registry, recorded: dict[str, str]) -> None:
        self._registry = registry
        self._recorded = recorded

    def of(self, expr: Expr) -> str:
        """The unit of ``expr``; ``short``, a plain number, when nothing says more."""
        return self._of(expr) or _PLAIN

    def _of(self, expr: Expr) -> str | None:
        if isinstance(expr, VectorSelector):
            return self._selector(expr)
        if isinstance(expr, MatrixSelector):
            return self._selector(expr.vector)
        if isinstance(expr, (Paren, Unary, Subquery)):
            return self._of(expr.expr)
        if isinstance(expr, Aggregate):
            return _PLAIN if expr.op in _COUNTING else self._of(expr.expr)
        if isinstance(expr, Call):
            return self._call(expr)
        if isinstance(expr, Binary):
            return self._binary(expr)
        return None

    def _call(self, call: Call) -> str | None:
        if call.func in _COUNTING_CALLS:
            return _PLAIN
        if call.func in ("time", "timestamp"):
            return "s"
        if call.func.startswith("histogram_"):
            # Of the observations, not of the buckets that are counted.
            return next((found for found in map(self._named, _names(call)) if found), None)
        unit = next((found for found in map(self._of, call.args) if found), None)
        if call.func not in _RATES:
            return unit
        word = _rate_word(call.args[0])
        return word or library()["units"]["per_second"].get(unit or _PLAIN, _PLAIN)

    def _binary(self, expr: Binary) -> str | None:
        left, right = self._of(expr.lhs), self._of(expr.rhs)
        if expr.op == "/":
            return self._quotient(expr, left, right)
        if expr.op == "*":
            percent = any(isinstance(side, Number) and side.value == 100 for side in (expr.lhs, expr.rhs))
            unit = left if right is None else right if left is None else _PLAIN
            return "percent" if percent and unit == "percentunit" else unit
        if expr.op in ("%", "^", "atan2"):
            return left
        return left or right

    def _quotient(self, expr: Binary, left: str | None, right: str | None) -> str | None:
        if right is None:
            return left
        if (_is_rate(left) and _is_rate(right)) or left == right:
            return self._mean(expr) or "percentunit"
        return self._mean(expr) or left

    def _mean(self, expr: Binary) -> str | None:
        """The unit of observations, when ``expr`` divides their sum by their count."""
        above, below = _names(expr.lhs), _names(expr.rhs)
        if len(above) == 1 and len(below) == 1 and above[0].endswith("_sum") and below[0].endswith("_count"):
            return self._named(above[0])
        return None

    def _selector(self, selector: VectorSelector) -> str | None:
        name = metric_name(selector)
        return self._named(name) if name else None

    def _named(self, name: str) -> str | None:
        if name in self._recorded:
            return self._recorded[name]
        tables = library()["units"]
        info = self._registry.by_series.get(name)
        if info is not None and info.unit and not name.endswith("_count"):
            return str(tables["declared"].get(info.unit, _PLAIN))
        words = name.split("_")
        if words[-1] == "count":
            return None
        while words and words[-1] in ("total", "sum", "bucket", "created"):
            words.pop()
        return tables["suffix"].get(words[-1]) if words else None


def _is_rate(unit: str | None) -> bool:
    return unit in ("ops", "reqps", "rps", "wps", "pps", "mps")


def _names(expr: Expr) -> list[str]:
    from monitoring_kit.promql import metrics

    return metrics(expr)


def _rate_word(expr: Expr) -> str | None:
    names = _names(expr)
    if len(names) != 1:
        return None
    words = names[0].removesuffix("_total").removesuffix("_count").split("_")
    return library()["units"]["rate_words"].get(words[-1])  # type: ignore[no-any-return]
