"""What changed between two captures of an exporter, and which expressions that breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast
from monitoring_kit.promql.catalog import Catalog, Metric
from monitoring_kit.promql.walk import metric_name, selectors, walk


@dataclass(frozen=True)
class Change:
    """One difference. `breaking` means that an expression which was right may now find nothing.

    `kind` is metric-added, metric-removed, type, unit, label-added, label-removed, value-added,
    value-removed, bucket-added or bucket-removed; `subject` is the label, value or bound concerned.
    """

    metric: str
    kind: str
    text: str
    breaking: bool
    subject: str = ""
    label: str = ""


def diff_catalogs(old: Catalog, new: Catalog) -> list[Change]:
    """The changes from `old` to `new`, by metric name."""
    changes: list[Change] = []
    for name in sorted({*old.metrics, *new.metrics}):
        before, after = old.metrics.get(name), new.metrics.get(name)
        if after is None:
            changes.append(Change(name, "metric-removed", "is gone", True))
        elif before is None:
            changes.append(Change(name, "metric-added", f"is new ({after.type})", False))
        else:
            changes.extend(_metric_changes(before, after))
    return changes


def breaks(change: Change, old: Catalog, expr: ast.Expr) -> bool:
    """Whether `expr`, which was written for `old`, reads what the change took away.

    A removed label counts where the expression matches on it or groups by it.
    """
    if not change.breaking:
        return False
    series = set(old.metrics[change.metric].series_names()) if change.metric in old.metrics else {change.metric}
    touched = [selector for selector in selectors(expr) if metric_name(selector) in series]
    if not touched or change.kind in ("metric-removed", "type"):
        return bool(touched)
    if change.kind == "label-removed":
        matched = any(matcher.name == change.subject for selector in touched for matcher in selector.matchers)
        return matched or change.subject in _grouped(expr)
    label = "le" if change.kind == "bucket-removed" else change.label
    return any(
        matcher.name == label and matcher.op == "=" and _same(matcher.value, change.subject, label)
        for selector in touched
        for matcher in selector.matchers
    )


def _metric_changes(before: Metric, after: Metric) -> Iterator[Change]:
    name = before.name
    if before.type != after.type:
        # An exporter that learns to declare a type takes nothing away.
        breaking = "unknown" not in (before.type, after.type)
        yield Change(name, "type", f"was {_typed(before.type)}, is {_typed(after.type)}", breaking, after.type)
    if before.unit != after.unit:
        text = f"was in {before.unit or 'no unit'}, is in {after.unit or 'no unit'}"
        yield Change(name, "unit", text, False, after.unit)
    yield from _set_changes(name, "label", before.labels, after.labels)
    for label in sorted({*before.values} & {*after.values}):
        yield from _set_changes(name, "value", before.values[label], after.values[label], label)
    if before.buckets and after.buckets:
        yield from _set_changes(name, "bucket", map(_number, before.buckets), map(_number, after.buckets))


def _set_changes(
    name: str, what: str, before: Iterable[str], after: Iterable[str], label: str = ""
) -> Iterator[Change]:
    old, new = list(before), list(after)
    of = f" of {label}" if label else ""
    for item in old:
        if item not in new:
            yield Change(name, f"{what}-removed", f"lost the {what} {item}{of}", True, item, label)
    for item in new:
        if item not in old:
            yield Change(name, f"{what}-added", f"has the new {what} {item}{of}", False, item, label)


def _grouped(expr: ast.Expr) -> set[str]:
    found: set[str] = set()
    for node in walk(expr):
        if isinstance(node, ast.Aggregate) and not node.without:
            found.update(node.grouping)
        if isinstance(node, ast.Binary) and node.matching is not None and node.matching.on:
            found.update(node.matching.labels)
    return found


def _same(written: str, subject: str, label: str) -> bool:
    if label != "le":
        return written == subject
    try:
        return float(written) == float(subject)
    except ValueError:
        return False


def _typed(kind: str) -> str:
    return "untyped" if kind == "unknown" else f"a {kind}"


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else repr(bound)
