"""What an aggregation keeps of labels, unit and bounds."""

from __future__ import annotations

from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.source import Fact, Source, Value, Why
from monitoring_kit.promql.world import INF

SELECTING = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))
_SAME = frozenset(("avg", "min", "max", "quantile"))


def aggregate(node: ast.Aggregate, inner: Value) -> Value:
    """One branch for each of the inner value."""
    made = [_one(node, source) for source in inner]
    if len(made) > 1 and node.op not in SELECTING:
        # Branches meet in one group: no bound of a single branch holds for the result.
        alive = [source for source in made if source.dead is None] or made
        low, high = min(s.low for s in alive), max(s.high for s in alive)
        for source in made:
            source.low, source.high, source.steps, source.const = low, high, None, False
    return tuple(made)


def _one(node: ast.Aggregate, source: Source) -> Source:
    found = source.copy(node)
    op = node.op
    if op in SELECTING:
        found.node = source.node
        return found
    _labels(node, source, found)
    found.const = source.const and op in _SAME
    if op == "sum":
        found.kind = (
            "summed" if source.kind == "counter" else "summed_bucket" if source.kind == "bucket" else source.kind
        )
        found.low = 0.0 if source.low >= 0 else -INF
        found.high = 0.0 if source.high <= 0 else INF
        if source.low == source.high == 0:
            found.low = found.high = 0.0
        found.steps = None
    elif op == "avg":
        found.steps = None
    elif op in ("count", "count_values"):
        found.number(1.0, INF, None, "count")
        found.series = None
    elif op == "group":
        found.number(1.0, 1.0, None, "group").steps = frozenset((1.0,))
        found.series = None
    elif op in ("stddev", "stdvar"):
        found.number(0.0, INF, source.unit if op == "stddev" else None)
    elif op == "quantile":
        found.steps = None
        param = node.param
        if not (isinstance(param, ast.Number) and 0 <= param.value <= 1):
            found.low, found.high = -INF, INF
    return found


def _labels(node: ast.Aggregate, source: Source, found: Source) -> None:
    span = node.grouping_span or node.op_span
    have: dict[str, Fact] = {}
    if node.without:
        have = {label: fact for label, fact in source.have.items() if label not in node.grouping}
        found.gone = {**source.gone, **{label: Why(span, "aggregated away here") for label in node.grouping}}
    else:
        gone: dict[str, Why] = {}
        for label in node.grouping:
            fact = source.fact(label)
            if fact is not None:
                have[label] = fact
            else:
                why = source.why_not(label)
                if why is not None:
                    gone[label] = why
        found.gone = gone
        found.rest = Why(span, "aggregated away here")
    if node.op == "count_values" and isinstance(node.param, ast.String):
        have[node.param.value] = Fact(True)
    found.have = have
