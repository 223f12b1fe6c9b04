"""Aggregation operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from monitoring_kit.promql import ast
from monitoring_kit.verify.rule_tests.functions import UnsupportedError, mean, quantile, variance

Vector = list[tuple[dict[str, str], float]]
NAME = "__name__"

_SIMPLE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": mean,
    "min": lambda v: min(v, key=lambda x: (math.isnan(x), x)),
    "max": lambda v: max(v, key=lambda x: (not math.isnan(x), x)),
    "count": lambda v: float(len(v)),
    "group": lambda v: 1.0,
    "stddev": lambda v: math.sqrt(variance(v)),
    "stdvar": variance,
}


def aggregate(expr: ast.Aggregate, vector: Vector, parameter: object) -> Vector:
    """The groups of ``vector`` by the operator's labels, each one value (``topk`` and ``bottomk``: up to k samples)."""
    groups: dict[tuple[tuple[str, str], ...], Vector] = {}
    for labels, value in vector:
        groups.setdefault(tuple(sorted(_kept(expr, labels).items())), []).append((labels, value))
    if expr.op in ("topk", "bottomk"):
        assert isinstance(parameter, float)
        return [s for samples in groups.values() for s in _ranked(expr.op, samples, int(parameter))]
    if expr.op == "quantile":
        assert isinstance(parameter, float)
        return [(dict(key), quantile(parameter, [v for _, v in samples])) for key, samples in groups.items()]
    if expr.op not in _SIMPLE:
        raise UnsupportedError(f"the aggregation {expr.op}")
    return [(dict(key), float(_SIMPLE[expr.op]([v for _, v in samples]))) for key, samples in groups.items()]


def _kept(expr: ast.Aggregate, labels: dict[str, str]) -> dict[str, str]:
    if expr.without:
        return {k: v for k, v in labels.items() if k not in expr.grouping and k != NAME}
    return {k: labels[k] for k in expr.grouping if k in labels}


def _ranked(op: str, samples: Vector, k: int) -> Vector:
    return sorted(samples, key=lambda s: s[1], reverse=op == "topk")[:k]
