"""The type rules that promtool applies to every expression (``checkAST`` of Prometheus' parser)."""

from __future__ import annotations

from monitoring_kit.promql import ast
from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.functions import AGGREGATIONS, Function

_DOCUMENTED = {"vector": "instant vector", "matrix": "range vector", "scalar": "scalar", "string": "string"}


def documented(value_type: str) -> str:
    """The name that Prometheus' documentation uses for a value type."""
    return _DOCUMENTED[value_type]


def expect_operand(found: str, span: Span, what: str) -> None:
    """Signs and binary operators take scalars and instant vectors only."""
    if found != "vector" and found != "scalar":
        raise PromQLError(f"{documented(found)} as the operand of {what}", span, "a scalar or instant vector")


def check_binary(node: ast.Binary, left: str, right: str) -> str:
    """Check one binary operation, given the types of its sides; returns the type of the result."""
    op = node.op
    if left != "vector" or right != "vector" or node.bool_modifier or node.matching:
        expect_operand(left, node.lhs.span, op)
        expect_operand(right, node.rhs.span, op)
        comparison = op in ast.COMPARISONS
        if node.bool_modifier and not comparison:
            raise PromQLError(f"bool after {op}", node.op_span, "bool after a comparison only")
        if left == right == "scalar" and comparison and not node.bool_modifier:
            raise PromQLError("comparison of two scalars", node.op_span, f"{op} bool")
        if (left == "scalar" or right == "scalar") and op in ast.SET_OPERATORS:
            span = node.lhs.span if left == "scalar" else node.rhs.span
            raise PromQLError(f"scalar as the operand of {op}", span, "an instant vector")
        if node.matching:
            _check_matching(node, node.matching, left == right == "vector")
    return "scalar" if left == right == "scalar" else "vector"


def _check_matching(node: ast.Binary, matching: ast.Matching, vectors: bool) -> None:
    if matching.on:
        for label, span in zip(matching.include, matching.include_spans, strict=False):
            if label in matching.labels:
                raise PromQLError(f"label {label!r} stands in on() and group_{matching.group}()", span)
    if not vectors and matching.labels:
        raise PromQLError("vector matching with a scalar", matching.span, "instant vectors on both sides")
    if vectors and matching.group and node.op in ast.SET_OPERATORS:
        raise PromQLError(f"group_{matching.group} with {node.op}", matching.group_span or matching.span)


def check_aggregate(op: str, args: tuple[ast.Expr, ...], types: tuple[str, ...], span: Span) -> None:
    """Check number and types of an aggregation's arguments."""
    wanted = AGGREGATIONS[op]
    count = 1 if wanted is None else 2
    if len(args) != count:
        raise PromQLError(f"{op} with {len(args)} arguments", span, "one argument" if count == 1 else "two arguments")
    if types[-1] != "vector":
        raise PromQLError(f"{documented(types[-1])} as the operand of {op}", args[-1].span, "an instant vector")
    if wanted is not None and types[0] != wanted:
        raise PromQLError(f"{documented(types[0])} as the parameter of {op}", args[0].span, f"a {wanted}")


def check_call(node: ast.Call, function: Function, types: tuple[str, ...]) -> None:
    """Check number and types of a function's arguments."""
    wanted, variadic = function.args, function.variadic
    least = most = len(wanted)
    if variadic:
        least -= 1
        most = least + variadic if variadic > 0 else len(types)
    if not least <= len(types) <= most:
        count = str(least) if least == most else f"at least {least}" if variadic < 0 else f"{least} to {most}"
        raise PromQLError(f"{node.func}() with {len(types)} arguments", node.span, f"{count} arguments")
    for index, found in enumerate(types):
        want = wanted[min(index, len(wanted) - 1)]
        if found != want:
            raise PromQLError(
                f"{documented(found)} as an argument of {node.func}()",
                node.args[index].span,
                ("an " if want == "vector" else "a ") + documented(want),
            )
    if node.func == "info" and len(node.args) == 2:
        selector = node.args[1]
        if not isinstance(selector, ast.VectorSelector) or selector.name is not None:
            raise PromQLError("the second argument of info()", selector.span, "label matchers only")
