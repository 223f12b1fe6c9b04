"""A recording rule that can give an infinite value, where InfluxDB stores it.

InfluxDB 1.x answers a batch of remote write with one infinite sample by 400, and Prometheus drops the whole batch: measured,
one rule ``1/0`` lost 73 % of all samples. NaN is left out without harm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.share import is_share

CODE = "promql/infinite"
_FINITE = frozenset(
    ("absent", "absent_over_time", "clamp", "count_over_time", "sgn", "present_over_time", "changes", "resets")
)
_LOGARITHMS = frozenset(("ln", "log2", "log10"))
_Signs = frozenset[int]
_NONE: _Signs = frozenset()
_BOTH: _Signs = frozenset((1, -1))


def run(expr: ast.Expr, subject: Subject) -> Iterable[Finding]:
    if not subject.world.finite:
        return
    signs = _infinite(expr, subject)
    if signs:
        word = "infinite" if len(signs) == 2 else "+Inf" if 1 in signs else "-Inf"
        yield Finding(
            CODE, ERROR, f"the value can be {word}: InfluxDB then refuses the whole batch of samples", (0, len(subject.text)),
            "keep only what can be divided by: `a / (b > 0)`, or end with `< +Inf`",
        )  # fmt: skip


def _infinite(node: ast.Expr, subject: Subject) -> _Signs:
    """The signs of the infinities that ``node`` can have; a share of nothing is NaN, which does no harm."""
    if isinstance(node, ast.Number):
        return _NONE if not math.isinf(node.value) else frozenset((1 if node.value > 0 else -1,))
    if isinstance(node, ast.Binary):
        return _binary(node, subject)
    if isinstance(node, ast.Call):
        return _call(node, subject)
    if isinstance(node, ast.Unary):
        found = _infinite(node.expr, subject)
        return frozenset(-sign for sign in found) if node.op == "-" else found
    if isinstance(node, ast.Aggregate):
        return _NONE if node.op in ("count", "count_values", "group") else _infinite(node.expr, subject)
    if isinstance(node, ast.Paren | ast.Subquery):
        return _infinite(node.expr, subject)
    return _NONE  # a selector: what is scraped, or a recorded series that is checked where it is made


def _binary(node: ast.Binary, subject: Subject) -> _Signs:
    left = _infinite(node.lhs, subject)
    if node.op in ("and", "unless"):
        return left
    if node.op in ast.COMPARISONS:
        if node.bool_modifier:
            return _NONE
        if subject.facts[node.lhs][0].scalar:
            return _infinite(node.rhs, subject)  # the values that stay are those of the right side
        return _narrowed(node, left)
    right = _infinite(node.rhs, subject)
    if node.op == "/" and not _nonzero(node.rhs, subject) and not is_share(node.lhs, node.rhs):
        return left | _quotient(node, subject)
    if node.op == "^" and not (isinstance(node.rhs, ast.Number) and node.rhs.value >= 0):
        return _BOTH
    return _BOTH if left | right and node.op in ("*", "-") else left | right if node.op != "/" else left


def _quotient(node: ast.Binary, subject: Subject) -> _Signs:
    above = all(source.low >= 0 for source in (*subject.facts[node.lhs], *subject.facts[node.rhs]))
    return frozenset((1,)) if above else _BOTH


def _narrowed(node: ast.Binary, signs: _Signs) -> _Signs:
    """What a comparison with a constant leaves: the constant may be infinite itself."""
    bound = _constant(node.rhs)
    if bound is None or not signs:
        return signs
    if node.op == "==":
        return signs if math.isinf(bound) else _NONE
    if node.op == "<" or (node.op == "<=" and bound < math.inf):
        return signs - {1}
    if node.op == ">" or (node.op == ">=" and bound > -math.inf):
        return signs - {-1}
    return signs - {1 if bound > 0 else -1} if node.op == "!=" and math.isinf(bound) else signs


def _constant(node: ast.Expr) -> float | None:
    while isinstance(node, ast.Paren):
        node = node.expr
    if isinstance(node, ast.Unary):
        inner = _constant(node.expr)
        return None if inner is None else -inner if node.op == "-" else inner
    return node.value if isinstance(node, ast.Number) else None


def _call(node: ast.Call, subject: Subject) -> _Signs:
    if node.func in _FINITE or not node.args:
        return _NONE
    if node.func in _LOGARITHMS:
        return _infinite(node.args[0], subject) | (_NONE if _nonzero(node.args[0], subject) else frozenset((-1,)))
    if node.func == "histogram_quantile":
        quantile = _constant(node.args[0])
        return _BOTH if quantile is None or not 0 <= quantile <= 1 else _NONE
    found = frozenset(sign for arg in node.args for sign in _infinite(arg, subject))
    if node.func == "clamp_max" and _constant(node.args[1]) not in (None, math.inf):
        return found - {1}
    if node.func == "clamp_min" and _constant(node.args[1]) not in (None, -math.inf):
        return found - {-1}
    return found


def _nonzero(node: ast.Expr, subject: Subject) -> bool:
    """Whether no value of ``node`` is 0."""
    if isinstance(node, ast.Paren):
        return _nonzero(node.expr, subject)
    if isinstance(node, ast.Binary):
        return _nonzero_binary(node, subject)
    if isinstance(node, ast.Call) and node.func in ("time", "timestamp", "count_over_time"):
        return True
    if isinstance(node, ast.Aggregate):
        # Numbers of one sign do not add up to 0, and the largest or smallest of them is one of them.
        return node.op in ("count", "group") or (
            node.op in ("max", "min", "sum", "avg") and _nonzero(node.expr, subject)
        )
    return all(source.low > 0 or source.high < 0 for source in subject.facts[node])


def _nonzero_binary(node: ast.Binary, subject: Subject) -> bool:
    if node.op in ast.COMPARISONS and not node.bool_modifier:
        bound = _constant(node.rhs)
        if bound is not None:
            above = (node.op == ">" and bound >= 0) or (node.op == ">=" and bound > 0)
            below = (node.op == "<" and bound <= 0) or (node.op == "<=" and bound < 0)
            if above or below or (node.op == "!=" and bound == 0) or (node.op == "==" and bound != 0):
                return True
        return _nonzero(node.lhs, subject)
    if node.op in ("and", "unless"):
        return _nonzero(node.lhs, subject)
    if node.op in ("*", "or"):
        return _nonzero(node.lhs, subject) and _nonzero(node.rhs, subject)
    return node.op == "/" and _nonzero(node.lhs, subject)


CHECK = Check(CODE, None, run, uses=frozenset(("record",)))
