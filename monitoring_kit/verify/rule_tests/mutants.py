"""Mutants of a rule: one small, plausible mistake each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import ast, parse, print_expr
from monitoring_kit.promql.transform import rewrite
from monitoring_kit.spec.quantity import Duration

KINDS = ("threshold", "comparator", "window", "label", "for")
_OTHER = {">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">="), "==": ("!=",), "!=": ("==",)}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed rule: ``kind`` is threshold, comparator, window, label or for; ``change`` says what was changed, for people."""

    kind: str
    change: str
    rule: Mapping[str, Any]


def mutants(rule: Mapping[str, Any]) -> Iterator[Mutant]:
    """The mutants of a rule as Prometheus reads it."""
    expr = parse(rule["expr"])
    nodes = list(_visited(expr))
    for position, node in enumerate(nodes):
        for kind, change, other in _changes(node):
            changed = _at(expr, position, other)
            yield Mutant(kind, change, {**rule, "expr": print_expr(changed)})
    yield from _labels(rule)
    if "alert" in rule:
        yield from _durations(rule)


def _visited(expr: ast.Expr) -> Iterator[ast.Expr]:
    found: list[ast.Expr] = []

    def see(node: ast.Expr) -> ast.Expr:
        found.append(node)
        return node

    rewrite(expr, see)
    return iter(found)


def _at(expr: ast.Expr, position: int, other: Callable[[ast.Expr], ast.Expr]) -> ast.Expr:
    count = -1

    def change(node: ast.Expr) -> ast.Expr:
        nonlocal count
        count += 1
        return other(node) if count == position else node

    return rewrite(expr, change)


Change = tuple[str, str, Callable[[ast.Expr], ast.Expr]]


def _changes(node: ast.Expr) -> Iterator[Change]:
    match node:
        case ast.Binary() if node.op in ast.COMPARISONS:
            yield from _comparison(node)
        case ast.MatrixSelector() | ast.Subquery() if isinstance(node.range, ast.Duration):
            for factor in (2.0, 0.5):
                longer = ast.Duration(max(1000.0, round(node.range.ms * factor / 1000) * 1000.0))
                yield (
                    "window",
                    f"range {Duration(round(node.range.ms))} becomes {Duration(round(longer.ms))}",
                    _replacing(range=longer),
                )
        case ast.VectorSelector():
            for index, matcher in enumerate(node.matchers):
                if matcher.op in ("=", "=~") and matcher.name != "__name__":
                    wrong = replace(
                        matcher, value=f"{matcher.value}x" if matcher.op == "=" else f"(?:{matcher.value})x"
                    )
                    changed = (*node.matchers[:index], wrong, *node.matchers[index + 1 :])
                    yield (
                        "label",
                        f'{matcher.name}{matcher.op}"{matcher.value}" becomes "{wrong.value}"',
                        _replacing(matchers=changed),
                    )
        case ast.Aggregate() if node.grouping and not node.without:
            for label in node.grouping:
                fewer = tuple(n for n in node.grouping if n != label)
                yield "label", f"{node.op} no longer keeps {label}", _replacing(grouping=fewer)


def _comparison(node: ast.Binary) -> Iterator[Change]:
    for op in _OTHER[node.op]:
        yield "comparator", f"{node.op} becomes {op}", _replacing(op=op)
    for side in ("lhs", "rhs"):
        number = getattr(node, side)
        if isinstance(number, ast.Number):
            for factor in (1.1, 0.9):
                value = number.value * factor if number.value else factor - 1.0
                yield "threshold", f"{number.value:g} becomes {value:g}", _replacing(**{side: ast.Number(value)})


def _replacing(**fields: Any) -> Callable[[ast.Expr], ast.Expr]:
    return lambda node: replace(node, **fields)


def _labels(rule: Mapping[str, Any]) -> Iterator[Mutant]:
    labels = rule.get("labels") or {}
    for name, value in labels.items():
        yield Mutant("label", f"{name}: {value} becomes {value}x", {**rule, "labels": {**labels, name: f"{value}x"}})


def _durations(rule: Mapping[str, Any]) -> Iterator[Mutant]:
    own = Duration.of(rule["for"]).ms if rule.get("for") else 0
    for other in (own * 2, own // 2) if own else (300_000,):
        text = str(Duration(other)) if other else "0s"
        yield Mutant("for", f"for {Duration(own) if own else 'unset'} becomes {text}", {**rule, "for": text})


__all__ = ["KINDS", "Mutant", "mutants"]
