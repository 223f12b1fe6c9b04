"""The functions and aggregations of PromQL up to Prometheus 3.5, as data.

Source: ``Functions`` in prometheus/prometheus ``promql/parser/functions.go`` of v3.5.0, plus ``holt_winters``
of 2.x. Which version has which function is in `monitoring_kit.targets`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ValueType = Literal["vector", "matrix", "scalar", "string"]
V: ValueType = "vector"
M: ValueType = "matrix"
S: ValueType = "scalar"
T: ValueType = "string"


class Function(NamedTuple):
    """Signature: with ``variadic`` n the last argument may occur 0..n times, -1 for any number of times."""

    args: tuple[ValueType, ...]
    variadic: int = 0
    returns: ValueType = V


FUNCTIONS: dict[str, Function] = {
    "abs": Function((V,)),
    "absent": Function((V,)),
    "absent_over_time": Function((M,)),
    "acos": Function((V,)),
    "acosh": Function((V,)),
    "asin": Function((V,)),
    "asinh": Function((V,)),
    "atan": Function((V,)),
    "atanh": Function((V,)),
    "avg_over_time": Function((M,)),
    "ceil": Function((V,)),
    "changes": Function((M,)),
    "clamp": Function((V, S, S)),
    "clamp_max": Function((V, S)),
    "clamp_min": Function((V, S)),
    "cos": Function((V,)),
    "cosh": Function((V,)),
    "count_over_time": Function((M,)),
    "day_of_month": Function((V,), variadic=1),
    "day_of_week": Function((V,), variadic=1),
    "day_of_year": Function((V,), variadic=1),
    "days_in_month": Function((V,), variadic=1),
    "deg": Function((V,)),
    "delta": Function((M,)),
    "deriv": Function((M,)),
    "double_exponential_smoothing": Function((M, S, S)),
    "exp": Function((V,)),
    "floor": Function((V,)),
    "histogram_avg": Function((V,)),
    "histogram_count": Function((V,)),
    "histogram_fraction": Function((S, S, V)),
    "histogram_quantile": Function((S, V)),
    "histogram_stddev": Function((V,)),
    "histogram_stdvar": Function((V,)),
    "histogram_sum": Function((V,)),
    "holt_winters": Function((M, S, S)),
    "hour": Function((V,), variadic=1),
    "idelta": Function((M,)),
    "increase": Function((M,)),
    "info": Function((V, V), variadic=1),
    "irate": Function((M,)),
    "label_join": Function((V, T, T, T), variadic=-1),
    "label_replace": Function((V, T, T, T, T)),
    "last_over_time": Function((M,)),
    "ln": Function((V,)),
    "log10": Function((V,)),
    "log2": Function((V,)),
    "mad_over_time": Function((M,)),
    "max_over_time": Function((M,)),
    "min_over_time": Function((M,)),
    "minute": Function((V,), variadic=1),
    "month": Function((V,), variadic=1),
    "pi": Function((), returns=S),
    "predict_linear": Function((M, S)),
    "present_over_time": Function((M,)),
    "quantile_over_time": Function((S, M)),
    "rad": Function((V,)),
    "rate": Function((M,)),
    "resets": Function((M,)),
    "round": Function((V, S), variadic=1),
    "scalar": Function((V,), returns=S),
    "sgn": Function((V,)),
    "sin": Function((V,)),
    "sinh": Function((V,)),
    "sort": Function((V,)),
    "sort_by_label": Function((V, T), variadic=-1),
    "sort_by_label_desc": Function((V, T), variadic=-1),
    "sort_desc": Function((V,)),
    "sqrt": Function((V,)),
    "stddev_over_time": Function((M,)),
    "stdvar_over_time": Function((M,)),
    "sum_over_time": Function((M,)),
    "tan": Function((V,)),
    "tanh": Function((V,)),
    "time": Function((), returns=S),
    "timestamp": Function((V,)),
    "ts_of_last_over_time": Function((M,)),
    "ts_of_max_over_time": Function((M,)),
    "ts_of_min_over_time": Function((M,)),
    "vector": Function((S,)),
    "year": Function((V,), variadic=1),
}

AGGREGATIONS: dict[str, ValueType | None] = {
    "avg": None,
    "bottomk": S,
    "count": None,
    "count_values": T,
    "group": None,
    "limit_ratio": S,
    "limitk": S,
    "max": None,
    "min": None,
    "quantile": S,
    "stddev": None,
    "stdvar": None,
    "sum": None,
    "topk": S,
}
"""Aggregation operators and the type of their parameter."""
