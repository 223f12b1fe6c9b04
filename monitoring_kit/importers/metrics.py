"""The metrics that imported queries read, declared as far as the queries tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitoring_kit.promql import PromQLError, ast, parse, walk

_COUNTING = frozenset(("rate", "increase", "irate", "resets"))
_TARGET = frozenset(("job", "instance", "service", "__name__", "le", "quantile"))
_PARTS = ("_bucket", "_count", "_sum")


def declared(service: str, queries: Iterable[str]) -> dict[str, dict[str, Any]]:
    """A declaration for each metric: its type from how it is read, its labels from matchers and groupings."""
    found: dict[str, dict[str, Any]] = {}
    for query in queries:
        try:
            tree = parse(query, variables=True)
        except PromQLError:
            continue
        nodes = list(walk(tree))
        counted = {
            id(n.args[0].vector)
            for n in nodes
            if isinstance(n, ast.Call) and n.func in _COUNTING and isinstance(n.args[0], ast.MatrixSelector)
        }
        grouped = {label for n in nodes if isinstance(n, ast.Aggregate) and not n.without for label in n.grouping}
        for node in nodes:
            if isinstance(node, ast.VectorSelector) and node.name:
                _declare(service, node, id(node) in counted or isinstance(tree, ast.VectorSelector), grouped, found)
    for metric in found.values():
        metric["labels"] = {label: {} for label in sorted(metric["labels"])} or None
        metric["buckets"] = sorted(metric["buckets"]) or None
    return {name: {k: v for k, v in metric.items() if v is not None} for name, metric in sorted(found.items())}


def jobs(queries: Iterable[str]) -> set[str]:
    """The values of ``job`` that the queries select."""
    found: set[str] = set()
    for query in queries:
        try:
            nodes = list(walk(parse(query, variables=True)))
        except PromQLError:
            continue
        for node in nodes:
            if isinstance(node, ast.VectorSelector):
                found |= {m.value for m in node.matchers if m.name == "job"}
    return found


def _declare(
    service: str, node: ast.VectorSelector, counted: bool, grouped: set[str], found: dict[str, dict[str, Any]]
) -> None:
    name = node.name or ""
    base = next((name.removesuffix(part) for part in _PARTS if name.endswith(part) and counted), None)
    kind = "histogram" if base else "counter" if counted else "gauge"
    metric = found.setdefault(
        base or name,
        {
            "type": kind,
            "help": "Imported: say what it counts.",
            "labels": set(),
            "buckets": set(),
            "services": [service],
        },
    )
    metric["labels"] |= ({m.name for m in node.matchers} | grouped) - _TARGET
    for matcher in node.matchers:
        if matcher.name == "le" and matcher.op == "=":
            try:
                metric["buckets"].add(float(matcher.value))
            except ValueError:
                continue
