"""Recording rules without history: the recorded expression in the place of the recorded series."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitoring_kit.promql import Expr, add_matchers, rewrite, selectors
from monitoring_kit.promql.ast import (
    Binary,
    Call,
    Duration,
    DurationExpr,
    Matcher,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    VectorSelector,
)
from monitoring_kit.promql.walk import children

_KEEP = "mkit_keep"
MAX_DEPTH = 16


class NoInline(Exception):
    """The recorded series cannot be replaced by its expression; the text says why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording rule: ``interval`` in milliseconds; ``known`` are labels that its series carry for certain."""

    record: str
    expr: Expr
    labels: Mapping[str, str]
    interval: int
    known: Mapping[str, str]


# By the identity of a recording rule: its expression with all that it reads in place of what is recorded.
Made = dict[int, Expr]


def inline(expr: Expr, rules: Mapping[str, Sequence[Recorded]], depth: int = 0, made: Made | None = None) -> Expr:
    """``expr`` with every selector of a series that ``rules`` record replaced by what is recorded.

    An instant selector becomes the expression itself, filtered by the selector's matchers; a range becomes a subquery at the
    recording rule's interval, whose steps are multiples of that interval (recorded samples have the phase of their group).
    ``made`` keeps what was made of ``rules`` from one call to the next; the parts of the result are shared. Raises NoInline for
    ``@``, for recursion, and for windows that are not literal.
    """
    made = {} if made is None else made
    if not any(s.name in rules for s in selectors(expr)):
        return expr
    if depth > MAX_DEPTH:
        raise NoInline("the recording rules depend on each other in a circle")

    def absents(node: Expr) -> Expr:
        # absent() takes its labels from a selector, and no longer has one when that is replaced.
        if isinstance(node, Call) and node.func in ("absent", "absent_over_time"):
            inner = node.args[0].vector if isinstance(node.args[0], MatrixSelector) else node.args[0]
            if isinstance(inner, VectorSelector) and inner.name in rules:
                return _labelled(node, _certain(inner))
        return node

    def ranges(node: Expr) -> Expr:
        name = node.vector.name if isinstance(node, MatrixSelector) else None
        if isinstance(node, MatrixSelector) and name is not None and name in rules:
            step = max(rule.interval for rule in rules[name])
            return Subquery(Paren(node.vector), node.range, Duration(step))
        return node

    def instants(node: Expr) -> Expr:
        return _replaced(node, rules, depth, made) if isinstance(node, VectorSelector) and node.name in rules else node

    return rewrite(rewrite(rewrite(expr, absents), ranges), instants)


def evaluations(expr: Expr) -> int:
    """How often the innermost expression is evaluated for one evaluation of ``expr``: the product of nested subqueries'
    steps, summed over the tree. A measure of cost, not a limit of the server."""
    known: dict[int, int] = {}

    def count(node: Expr) -> int:
        found = known.get(id(node))
        if found is None:
            if isinstance(node, Subquery):
                steps = _ms(node.range) // max(_ms(node.step) if node.step else 60_000, 1)
                found = max(int(steps), 1) * count(node.expr)
            else:
                found = max(1, sum(count(child) for child in children(node)))
            known[id(node)] = found
        return found

    return count(expr)


def _replaced(selector: VectorSelector, rules: Mapping[str, Sequence[Recorded]], depth: int, made: Made) -> Expr:
    if selector.at is not None:
        raise NoInline("`@` on a recorded series")
    by = 0 if selector.offset is None else int(_ms(selector.offset))
    parts = []
    for rule in rules[selector.name or ""]:
        rest = [m for m in selector.matchers if m.name not in rule.labels]
        fixed = [m for m in selector.matchers if m.name in rule.labels]
        if not all(_meets(m, rule.labels[m.name]) for m in fixed):
            continue
        if not all(_meets(m, rule.known[m.name]) for m in rest if m.name in rule.known):
            continue
        body = made.get(id(rule))
        if body is None:
            body = made[id(rule)] = inline(rule.expr, rules, depth + 1, made)
        body = _labelled(_shifted(body, by) if by else body, rule.labels)
        parts.append(_filtered(body, [m for m in rest if m.name not in rule.known]))
    if not parts:
        # No rule records such a series: a selector that matches nothing.
        return add_matchers(VectorSelector(selector.name, selector.matchers), {_KEEP: "nothing"})
    found = parts[0]
    for part in parts[1:]:
        found = Binary("or", found, part)
    return found if isinstance(found, Call) else Paren(found)


def _labelled(expr: Expr, labels: Mapping[str, str]) -> Expr:
    for name, value in labels.items():
        expr = Call("label_replace", (expr, String(name), String(value.replace("$", "$$")), String(""), String("")))
    return expr


def _filtered(expr: Expr, matchers: Sequence[Matcher]) -> Expr:
    """The elements of ``expr`` whose labels meet the matchers: PromQL has no operator for that, so each is a join with a
    vector of one element that carries the wanted value."""
    for m in matchers:
        if m.op == "=" and m.value:
            wanted = Call(
                "label_replace", (_one(), String(m.name), String(m.value.replace("$", "$$")), String(""), String(""))
            )
            expr = Binary("and", Paren(expr), wanted, matching=Matching(True, (m.name,)))
            continue
        pattern = m.value if m.op in ("=~", "!~") else re.escape(m.value)
        marked = Call("label_replace", (expr, String(_KEEP), String("1"), String(m.name), String(pattern)))
        flag = Call("label_replace", (_one(), String(_KEEP), String("1"), String(""), String("")))
        kept = Binary("and" if m.op in ("=", "=~") else "unless", marked, flag, matching=Matching(True, (_KEEP,)))
        expr = Call("label_replace", (kept, String(_KEEP), String(""), String(""), String("")))
    return expr


def _one() -> Expr:
    return Call("vector", (Number(1),))


def _certain(selector: VectorSelector) -> dict[str, str]:
    """The labels that absent() gives its element: those that an equality matcher names, and no other."""
    found = {m.name: m.value for m in selector.matchers if m.op == "=" and m.name != "__name__"}
    for name in [n for n in found if sum(m.name == n for m in selector.matchers) > 1]:
        del found[name]
    return found


def _shifted(expr: Expr, by: int) -> Expr:
    """``expr`` as it was ``by`` milliseconds ago."""

    def change(node: Expr) -> Expr:
        if not isinstance(node, VectorSelector):
            return node
        if node.at is not None:
            raise NoInline("`@` in a recorded expression that is read with an offset")
        total = by + (int(_ms(node.offset)) if node.offset is not None else 0)
        return replace(node, offset=Duration(total) if total else None)

    return rewrite(expr, change)


def _ms(duration: DurationExpr) -> float:
    if not isinstance(duration, Duration):
        raise NoInline("a window that is no plain duration")
    return duration.ms


def _meets(matcher: Matcher, value: str) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    try:
        return bool(re.fullmatch(matcher.value, value)) == (matcher.op == "=~")
    except re.error:
        raise NoInline(f"the pattern `{matcher.value}`") from None
