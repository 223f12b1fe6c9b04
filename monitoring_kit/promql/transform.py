"""Pure rewrites of trees: matchers, windows, variables, names. Unchanged parts are shared, not copied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from monitoring_kit.promql import ast
from monitoring_kit.promql.literals import parse_duration
from monitoring_kit.promql.tokens import VARIABLE, variable_parts
from monitoring_kit.promql.walk import durations, walk

_VARIABLE = re.compile(VARIABLE)
DurationValue = str | float | ast.DurationExpr
Value = str | float


def rewrite(expr: ast.Expr, change: Callable[[ast.Expr], ast.Expr]) -> ast.Expr:
    """``expr`` with ``change`` applied to every node, children first."""

    def visit(node: ast.Expr) -> ast.Expr:
        return change(_with_children(node, visit))

    return visit(expr)


def _with_children(node: ast.Expr, visit: Callable[[ast.Expr], ast.Expr]) -> ast.Expr:
    if isinstance(node, ast.Binary):
        lhs, rhs = visit(node.lhs), visit(node.rhs)
        return node if lhs is node.lhs and rhs is node.rhs else replace(node, lhs=lhs, rhs=rhs)
    if isinstance(node, ast.Call):
        args = tuple([visit(arg) for arg in node.args])
        same = all(new is old for new, old in zip(args, node.args, strict=True))
        return node if same else replace(node, args=args)
    if isinstance(node, ast.Aggregate):
        inner = visit(node.expr)
        param = None if node.param is None else visit(node.param)
        return node if inner is node.expr and param is node.param else replace(node, expr=inner, param=param)
    if isinstance(node, ast.MatrixSelector):
        vector = visit(node.vector)
        if vector is node.vector:
            return node
        if not isinstance(vector, ast.VectorSelector):
            raise TypeError("the selector of a range vector can only become another selector")
        return replace(node, vector=vector)
    if isinstance(node, ast.Paren | ast.Unary | ast.Subquery):
        inner = visit(node.expr)
        return node if inner is node.expr else replace(node, expr=inner)
    return node


def add_matchers(
    expr: ast.Expr,
    matchers: Mapping[str, str] | Iterable[ast.Matcher],
    *,
    conflict: Literal["keep", "replace", "error"] = "keep",
) -> ast.Expr:
    """Every vector selector of ``expr`` narrowed by ``matchers`` (a mapping means equality).

    Where a selector already has a matcher on the label, ``keep`` leaves it as it is, ``replace`` puts the new
    one in its place and ``error`` raises ValueError, unless both are the same.
    """
    if isinstance(matchers, Mapping):
        added = tuple(ast.Matcher(name, "=", value) for name, value in matchers.items())
    else:
        added = tuple(matchers)

    def change(node: ast.Expr) -> ast.Expr:
        if type(node) is not ast.VectorSelector:
            return node
        taken = {matcher.name for matcher in node.matchers}
        if not taken:
            return replace(node, matchers=added) if added else node
        clashing = [new for new in added if new.name in taken and new not in node.matchers]
        if clashing and conflict == "error":
            raise ValueError(f"{node.name or 'selector'} already has a matcher on {clashing[0].name!r}")
        kept = node.matchers
        fresh = tuple(new for new in added if new.name not in taken)
        if clashing and conflict == "replace":
            names = {new.name for new in clashing}
            kept = tuple(old for old in kept if old.name not in names)
            fresh = tuple(new for new in added if new not in kept)
        return replace(node, matchers=kept + fresh)

    return rewrite(expr, change)


def rename_metrics(expr: ast.Expr, names: Mapping[str, str]) -> ast.Expr:
    """Metrics renamed, whether they are named before the braces or by ``__name__="..."``."""

    def change(node: ast.Expr) -> ast.Expr:
        if type(node) is not ast.VectorSelector:
            return node
        if node.name is not None:
            return replace(node, name=names[node.name]) if node.name in names else node
        if not any(m.name == ast.METRIC_NAME and m.op == "=" and m.value in names for m in node.matchers):
            return node
        return replace(node, matchers=tuple(_renamed_name(matcher, names) for matcher in node.matchers))

    return rewrite(expr, change)


def _renamed_name(matcher: ast.Matcher, names: Mapping[str, str]) -> ast.Matcher:
    if matcher.name != ast.METRIC_NAME or matcher.op != "=":
        return matcher
    return replace(matcher, value=names.get(matcher.value, matcher.value))


_LABEL_ARGUMENTS = {"label_replace": (1, 3), "label_join": (1, 3, -1), "sort_by_label": (1, -1)}
_LABEL_ARGUMENTS["sort_by_label_desc"] = _LABEL_ARGUMENTS["sort_by_label"]


def rename_labels(expr: ast.Expr, labels: Mapping[str, str]) -> ast.Expr:
    """Labels renamed in matchers, grouping, vector matching and the label arguments of functions."""

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(labels.get(name, name) for name in names)

    def change(node: ast.Expr) -> ast.Expr:
        if isinstance(node, ast.VectorSelector):
            if not any(matcher.name in labels for matcher in node.matchers):
                return node
            return replace(node, matchers=tuple(replace(m, name=labels.get(m.name, m.name)) for m in node.matchers))
        if isinstance(node, ast.Aggregate):
            param = node.param
            if node.op == "count_values" and isinstance(param, ast.String):
                param = replace(param, value=labels.get(param.value, param.value))
            return replace(node, grouping=renamed(node.grouping), param=param)
        if isinstance(node, ast.Binary) and node.matching:
            matching = node.matching
            return replace(
                node,
                matching=replace(matching, labels=renamed(matching.labels), include=renamed(matching.include)),
            )
        if isinstance(node, ast.Call) and node.func in _LABEL_ARGUMENTS:
            return replace(node, args=_renamed_arguments(node, labels))
        return node

    return rewrite(expr, change)


def _renamed_arguments(call: ast.Call, labels: Mapping[str, str]) -> tuple[ast.Expr, ...]:
    where = _LABEL_ARGUMENTS[call.func]
    positions = set(where)
    if where[-1] == -1:
        positions |= set(range(where[-2], len(call.args)))
    return tuple(
        replace(arg, value=labels.get(arg.value, arg.value))
        if index in positions and isinstance(arg, ast.String)
        else arg
        for index, arg in enumerate(call.args)
    )


def replace_durations(expr: ast.Expr, values: Mapping[str, DurationValue]) -> ast.Expr:
    """Duration variables named in ``values`` replaced: "5m", seconds as a number, or a duration expression as it is."""

    def duration(node: ast.DurationExpr) -> ast.DurationExpr:
        if isinstance(node, ast.DurationVar):
            return _as_duration(values[node.name], node) if node.name in values else node
        if isinstance(node, ast.DurationOp):
            return replace(node, lhs=None if node.lhs is None else duration(node.lhs), rhs=duration(node.rhs))
        if isinstance(node, ast.DurationParen):
            return replace(node, expr=duration(node.expr))
        return node

    def change(node: ast.Expr) -> ast.Expr:
        if isinstance(node, ast.MatrixSelector):
            return node if type(node.range) is ast.Duration else replace(node, range=duration(node.range))
        if isinstance(node, ast.Subquery):
            step = None if node.step is None else duration(node.step)
            offset = None if node.offset is None else duration(node.offset)
            return replace(node, range=duration(node.range), step=step, offset=offset)
        if isinstance(node, ast.VectorSelector) and node.offset is not None:
            return replace(node, offset=duration(node.offset))
        return node

    return rewrite(expr, change)


def _as_duration(value: DurationValue, variable: ast.DurationVar) -> ast.DurationExpr:
    if not isinstance(value, str | float | int):
        return value
    if variable.unit:
        value = f"{value}{variable.unit}"
    if isinstance(value, str):
        sign = -1 if value.startswith("-") else 1
        return ast.Duration(sign * parse_duration(value.removeprefix("-")), variable.span)
    ms = value * 1000
    return ast.Duration(int(ms) if ms == int(ms) else ms, variable.span)


def replace_variables(expr: ast.Expr, values: Mapping[str, Value]) -> ast.Expr:
    """Variables replaced wherever they stand: numbers, durations, grouping labels, names and strings.

    A grouping variable may hold several labels, ``"a, b"``. Variables that ``values`` lacks stay.
    """

    def text(value: str) -> str:
        if "$" not in value:
            return value
        return _VARIABLE.sub(lambda m: str(values.get(variable_parts(m)[0], m[0])), value)

    def labels(names: tuple[str, ...]) -> tuple[str, ...]:
        if not any(name.startswith("$") for name in names):
            return names
        return tuple(part.strip() for name in names for part in text(name).split(",") if part.strip())

    def change(node: ast.Expr) -> ast.Expr:
        if isinstance(node, ast.NumberVar):
            return ast.Number(float(values[node.name]), span=node.span) if node.name in values else node
        if isinstance(node, ast.String):
            return node if "$" not in node.value else replace(node, value=text(node.value))
        if isinstance(node, ast.VectorSelector):
            name = node.name if node.name is None else text(node.name)
            changed = tuple(replace(m, name=text(m.name), value=text(m.value)) for m in node.matchers)
            same = name == node.name and changed == node.matchers
            return node if same else replace(node, name=name, matchers=changed)
        if isinstance(node, ast.Aggregate):
            grouping = labels(node.grouping)
            return node if grouping is node.grouping else replace(node, grouping=grouping)
        if isinstance(node, ast.Binary) and node.matching:
            matching = node.matching
            changed_matching = replace(matching, labels=labels(matching.labels), include=labels(matching.include))
            return node if changed_matching == matching else replace(node, matching=changed_matching)
        return node

    found = rewrite(expr, change)
    if any(isinstance(duration, ast.DurationVar | ast.DurationOp | ast.DurationParen) for duration in durations(found)):
        found = replace_durations(found, {name: value for name, value in values.items() if _is_duration(value)})
    return found


def _is_duration(value: Value) -> bool:
    if not isinstance(value, str):
        return True
    try:
        parse_duration(value.removeprefix("-"))
    except ValueError:
        return False
    return True


def variables(expr: ast.Expr) -> list[str]:
    """Names of the variables that ``expr`` still has, without duplicates."""
    found: dict[str, None] = {}

    def scan(text: str | None) -> None:
        if text and "$" in text:
            found.update((variable_parts(match)[0], None) for match in _VARIABLE.finditer(text))

    def scan_duration(duration: ast.DurationExpr | None) -> None:
        if isinstance(duration, ast.DurationVar):
            found[duration.name] = None
        elif isinstance(duration, ast.DurationOp):
            scan_duration(duration.lhs)
            scan_duration(duration.rhs)
        elif isinstance(duration, ast.DurationParen):
            scan_duration(duration.expr)

    for node in walk(expr):
        if isinstance(node, ast.NumberVar):
            found[node.name] = None
        elif isinstance(node, ast.VectorSelector):
            scan(node.name)
            for matcher in node.matchers:
                scan(matcher.name)
                scan(matcher.value)
        elif isinstance(node, ast.String):
            scan(node.value)
        elif isinstance(node, ast.Aggregate):
            for label in node.grouping:
                scan(label)
        elif isinstance(node, ast.Binary) and node.matching:
            for label in node.matching.labels + node.matching.include:
                scan(label)
    for duration in durations(expr):
        scan_duration(duration)
    return list(found)
