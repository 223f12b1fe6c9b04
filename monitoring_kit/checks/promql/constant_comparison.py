"""A comparison that is never, or always, true for the values that its side can have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast, print_expr
from monitoring_kit.promql.infer import Source
from monitoring_kit.promql.infer.binaries import decide

CODE = "promql/constant-comparison"
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    if node.op == "and" and node.matching is None:
        yield from _contradiction(node, subject)
    if node.op not in ast.COMPARISONS:
        return
    left, right = subject.facts[node.lhs], subject.facts[node.rhs]
    op = node.op
    if left[0].scalar:
        left, right, op = right, left, _FLIPPED[op]
    if (right[0].scalar and left[0].scalar) or subject.watchdog:
        return
    decided = {decide(op, one, other) for one in left for other in right if not one.dead and not other.dead}
    if len(decided) != 1:
        return
    outcome = decided.pop()
    source = left[0]
    if outcome is None or (outcome and (subject.use == "panel" or _presence(source))):
        return
    reason = _reason(source, subject)
    if not outcome:
        text = f"this is never true: {reason}"
        effect = {
            "alert": "the alert can never fire",
            "panel": "there is nothing to show",
            "record": "nothing is recorded",
        }
        yield Finding(
            CODE,
            ERROR,
            f"{text}; {effect[subject.use]}" if subject.parent(node) is None else text,
            node.span,
            _help(node, source, subject),
        )
    else:
        yield Finding(
            CODE, ERROR if subject.use == "alert" and subject.parent(node) is None else WARNING,
            f"this is true for every value: {reason}", node.span, "compare with a value that it can cross",
        )  # fmt: skip


def _contradiction(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    """``a > 5 and a < 3``: the same samples on both sides, and no value that passes both."""
    left, right = subject.facts[node.lhs], subject.facts[node.rhs]
    if (
        len(left) != 1
        or len(right) != 1
        or left[0].dead
        or right[0].dead
        or not (_compared(node.lhs) and _compared(node.rhs))
    ):
        return
    (one,), (other,) = left, right
    if one.node is None or other.node is None or print_expr(one.node) != print_expr(other.node):
        return
    if one.low > other.high or other.low > one.high:
        root = subject.parent(node) is None and subject.use == "alert"
        text = f"this is never true: no value of `{subject.source(one.node)}` passes both comparisons"
        yield Finding(
            CODE, ERROR, f"{text}; the alert can never fire" if root else text, node.span,
            "write `or` to be told of either, or correct one of the two bounds",
        )  # fmt: skip


def _compared(expr: ast.Expr) -> bool:
    """Whether it is a comparison that filters by a constant, in whatever brackets."""
    while isinstance(expr, ast.Paren):
        expr = expr.expr
    return (
        isinstance(expr, ast.Binary) and expr.op in ast.COMPARISONS and not expr.bool_modifier
        and (isinstance(expr.rhs, ast.Number) or isinstance(expr.lhs, ast.Number))
    )  # fmt: skip


def _presence(source: Source) -> bool:
    """Whether it is the presence of a value that tells something: `absent(x) > 0`, `count(up == 0) > 0`."""
    return source.filtered is not None or source.kind == "absent"


def _reason(source: Source, subject: Subject) -> str:
    node = source.node
    if isinstance(node, ast.Aggregate) and node.op in ("count", "group"):
        return f"`{node.op}` returns nothing where there is nothing to count, so its value is at least 1"
    if source.kind == "absent":
        return "`absent` returns 1 or nothing"
    if source.series is not None and source.series.name == "up" and source.steps:
        return "`up` is 0 or 1"
    if isinstance(node, ast.Call) and node.func == "histogram_quantile" and source.series is not None:
        return (
            f"`histogram_quantile` returns at most the last finite bucket of `{source.series.family}`, {source.high:g}"
        )
    if source.unit == "ratio" and source.low == 0 and source.high == 1:
        return "it is a share, between 0 and 1"
    if source.steps is not None:
        return "the value is " + " or ".join(f"{v:g}" for v in sorted(source.steps))
    low, high = source.low, source.high
    if low == high:
        return f"the value is always {low:g}"
    if high == float("inf"):
        return f"the value is at least {low:g}"
    return f"the value is at most {high:g}" if low == float("-inf") else f"the value is between {low:g} and {high:g}"


def _help(node: ast.Binary, source: Source, subject: Subject) -> str:
    inner = source.node
    if isinstance(inner, ast.Aggregate) and inner.op in ("count", "group"):
        return subject.instead(
            node.span, f"absent({subject.source(inner.expr)})", "to be told when nothing is left, write"
        )
    if isinstance(inner, ast.Call) and inner.func == "histogram_quantile":
        return "lower the threshold, or add a bucket above it"
    if source.unit == "ratio" and isinstance(node.rhs, ast.Number) and 1 < node.rhs.value <= 100:
        return subject.instead(
            node.rhs.span, f"{node.rhs.value / 100:g}", f"a share of {node.rhs.value:g} % is written"
        )
    return "compare with a value that it can have"


CHECK = Check(CODE, ast.Binary, run)
