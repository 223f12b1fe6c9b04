"""An evaluator of PromQL over a ``Store``: enough of the language for the rules that are tested, and honest about the rest."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.verify.rule_tests import calls
from monitoring_kit.verify.rule_tests.aggregates import aggregate
from monitoring_kit.verify.rule_tests.functions import UnsupportedError
from monitoring_kit.verify.rule_tests.joins import binary
from monitoring_kit.verify.rule_tests.store import LOOKBACK_MS, Store, holds

Vector = list[tuple[dict[str, str], float]]
Value = Vector | float | str
NAME = "__name__"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule to evaluate where its series is selected."""

    record: str
    expr: ast.Expr
    labels: Mapping[str, str]


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions at a time in milliseconds; series that ``recordings`` make are evaluated on the grid of the store."""

    store: Store
    recordings: Mapping[str, Sequence[Recording]] = field(default_factory=dict)
    _cache: dict[tuple[int, int], Vector] = field(default_factory=dict)

    def vector(self, expr: ast.Expr, t: int) -> Vector:
        """An instant vector; a scalar is one sample without labels (as an alerting rule takes it)."""
        value = self.value(expr, t)
        if isinstance(value, str):
            raise UnsupportedError("a string")
        return [({}, value)] if isinstance(value, float) else value

    def value(self, expr: ast.Expr, t: int) -> Value:
        match expr:
            case ast.Number():
                return float(expr.value)
            case ast.String():
                return expr.value
            case ast.Paren():
                return self.value(expr.expr, t)
            case ast.Unary():
                return self._unary(expr, t)
            case ast.VectorSelector():
                return self._selector(expr, t)
            case ast.Aggregate():
                parameter = self.value(expr.param, t) if expr.param is not None else None
                return aggregate(expr, self.vector(expr.expr, t), parameter)
            case ast.Binary():
                return binary(expr, self.value(expr.lhs, t), self.value(expr.rhs, t))
            case ast.Call():
                return calls.call(self, expr, t)
        raise UnsupportedError(type(expr).__name__)

    def _unary(self, expr: ast.Unary, t: int) -> Value:
        value = self.value(expr.expr, t)
        sign: Callable[[float], float] = operator.neg if expr.op == "-" else operator.pos
        if isinstance(value, float):
            return sign(value)
        if isinstance(value, str):
            raise UnsupportedError("a signed string")
        return [(unnamed(labels), sign(v)) for labels, v in value]

    def _selector(self, expr: ast.VectorSelector, t: int) -> Vector:
        t -= offset(expr)
        if expr.name is not None and expr.name in self.recordings:
            # What the rule recorded at its last evaluation; nothing when that gave nothing (a staleness marker).
            return (
                [s for s in self._recorded(expr.name, t - t % self.store.step) if _selected(expr, s[0])]
                if t >= 0
                else []
            )
        found = []
        for series in self.store.select(expr.name, expr.matchers):
            value = self.store.instant(series, t)
            if value is not None:
                found.append(({NAME: series.name, **series.labels}, value))
        return found

    def _recorded(self, name: str, t: int) -> Vector:
        found: Vector = []
        for rule in self.recordings[name]:
            key = (id(rule), t)
            if key not in self._cache:
                made = self.vector(rule.expr, t)
                self._cache[key] = [({**unnamed(labels), **rule.labels, NAME: rule.record}, v) for labels, v in made]
            found += self._cache[key]
        return found

    def ranges(self, expr: ast.Expr, t: int) -> tuple[int, int, list[tuple[dict[str, str], list[tuple[int, float]]]]]:
        """The end, the length and the samples of a range vector."""
        if isinstance(expr, ast.Subquery):
            return self._subquery(expr, t)
        if not isinstance(expr, ast.MatrixSelector):
            raise UnsupportedError("a range of this kind")
        t -= offset(expr.vector)
        length = milliseconds(expr.range)
        name = expr.vector.name
        if name is not None and name in self.recordings:
            times = self._grid(t, length, self.store.step)
            plain = ast.VectorSelector(name, expr.vector.matchers)
            return t, length, _gathered((when, self._selector(plain, when)) for when in times)
        found = [
            ({NAME: s.name, **s.labels}, self.store.range(s, t, length))
            for s in self.store.select(name, expr.vector.matchers)
        ]
        return t, length, [(labels, samples) for labels, samples in found if samples]

    def _subquery(
        self, expr: ast.Subquery, t: int
    ) -> tuple[int, int, list[tuple[dict[str, str], list[tuple[int, float]]]]]:
        if expr.at is not None or (expr.offset is not None and not isinstance(expr.offset, ast.Duration)):
            raise UnsupportedError("the @ modifier")
        t -= milliseconds(expr.offset) if expr.offset is not None else 0
        length = milliseconds(expr.range)
        step = milliseconds(expr.step) if expr.step is not None else self.store.step
        return t, length, _gathered((when, self.vector(expr.expr, when)) for when in self._grid(t, length, step))

    def _grid(self, t: int, length: int, step: int) -> range:
        start = t - length
        first = start - start % step
        if first < start or (self.store.engine.left_open and first == start):
            first += step
        return range(max(0, first), t + 1, step)


def _gathered(found: object) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    series: dict[tuple[tuple[str, str], ...], tuple[dict[str, str], list[tuple[int, float]]]] = {}
    for when, vector in found:  # type: ignore[attr-defined]
        for labels, value in vector:
            series.setdefault(tuple(sorted(labels.items())), (labels, []))[1].append((when, value))
    return list(series.values())


def _selected(expr: ast.VectorSelector, labels: Mapping[str, str]) -> bool:
    return all(holds(m, labels.get(m.name, "")) for m in expr.matchers)


def unnamed(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels without the metric's name."""
    return {k: v for k, v in labels.items() if k != NAME}


def offset(expr: ast.VectorSelector) -> int:
    if expr.at is not None:
        raise UnsupportedError("the @ modifier")
    return milliseconds(expr.offset) if expr.offset is not None else 0


def milliseconds(duration: ast.DurationExpr) -> int:
    """A literal duration in milliseconds. Raises ``UnsupportedError`` for duration arithmetic."""
    if not isinstance(duration, ast.Duration):
        raise UnsupportedError("duration arithmetic")
    return round(duration.ms)


def reach(expr: ast.Expr) -> int:
    """How far back an expression looks, in milliseconds: its ranges and offsets added up, and at least the lookback."""
    from monitoring_kit.promql.walk import children

    below = max((reach(child) for child in children(expr)), default=0)
    own = 0
    if isinstance(expr, ast.MatrixSelector | ast.Subquery):
        own = milliseconds(expr.range)
    if isinstance(expr, ast.VectorSelector | ast.Subquery) and expr.offset is not None:
        own += abs(milliseconds(expr.offset))
    return own + below


__all__ = ["LOOKBACK_MS", "Evaluator", "Recording", "UnsupportedError", "milliseconds", "reach", "unnamed"]
