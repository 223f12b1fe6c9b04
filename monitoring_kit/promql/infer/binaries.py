"""What a binary operation matches, keeps and computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitoring_kit.promql import ast
from monitoring_kit.promql.infer import intervals
from monitoring_kit.promql.infer.share import is_share
from monitoring_kit.promql.infer.source import Fact, Source, Value, Why
from monitoring_kit.promql.infer.units import product_unit, quotient_unit, sum_unit


class Miss(NamedTuple):
    """Why two branches can never match: the label that one has and the other lacks, or two constants of it."""

    label: str
    left: Why
    right: Why


@dataclass(slots=True)
class Join:
    """What a binary operation between vectors can match: ``misses`` for each pair of branches, None where it can."""

    misses: list[Miss | None]
    pairs: list[tuple[Source, Source]]

    @property
    def never(self) -> Miss | None:
        """The first reason when no pair can match."""
        return self.misses[0] if all(m is not None for m in self.misses) else None


def binary(node: ast.Binary, left: Value, right: Value) -> tuple[Value, Join | None]:
    """The branches of the result, and what is matched when both sides are vectors."""
    vectors = not left[0].scalar and not right[0].scalar
    join = _join(node, left, right) if vectors else None
    op = node.op
    if op == "or":
        return left + right, join
    if op in ("and", "unless"):
        never = join.never if join else None
        made = []
        for source in left:
            found = source.copy(source.node)
            if op == "and":
                found.always = False
                if never is not None:
                    found.dead = found.dead or Why(node.op_span, f"its sides never match on `{never.label}`")
                dead = next((s.dead for s in right), None) if all(s.dead for s in right) else None
                found.dead = found.dead or dead
            elif found.always:
                found.always = False
            if found.filtered is None:
                found.filtered = Why(node.op_span, f"filtered by `{op}`")
            made.append(found)
        return tuple(made), join
    if op in ast.COMPARISONS:
        return _comparison(node, left, right, join), join
    return _arithmetic(node, left, right, join), join


def _join(node: ast.Binary, left: Value, right: Value) -> Join:
    pairs = [(one, other) for one in left for other in right]
    return Join([_miss(node.matching, one, other) for one, other in pairs], pairs)


def _miss(matching: ast.Matching | None, one: Source, other: Source) -> Miss | None:
    if matching is not None and matching.on:
        wanted: list[str] = list(matching.labels)
    else:
        ignored = matching.labels if matching is not None else ()
        wanted = [label for label in {**one.have, **other.have} if label not in ignored]
    for label in wanted:
        left, right = one.fact(label), other.fact(label)
        if left is not None and right is not None:
            if left.differs(right):
                return Miss(label, _has(one, label, left), _has(other, label, right))
        elif left is not None and left.sure:
            return Miss(label, _has(one, label, left), other.why_not(label) or _has(other, label, left))
        elif right is not None and right.sure:
            return Miss(label, one.why_not(label) or _has(one, label, right), _has(other, label, right))
    return None


def _has(source: Source, label: str, fact: Fact) -> Why:
    span = source.node.span
    return Why(span, f"this always has `{label}`" + (f'="{fact.value}"' if fact.value is not None else ""))


def _merge_labels(node: ast.Binary, one: Source, other: Source, found: Source) -> None:
    """The labels of a matched pair (``resultMetric`` of Prometheus' engine)."""
    matching = node.matching
    if matching is None:
        # Both have exactly the same labels: what one rules out is ruled out, what one guarantees is guaranteed.
        have = {}
        for label in {**one.have, **other.have}:
            left, right = one.fact(label), other.fact(label)
            if left is not None and right is not None:
                have[label] = Fact(left.sure or right.sure, left.value if left.value is not None else right.value)
        found.have = have
        found.gone = {**other.gone, **one.gone}
        found.rest = one.rest or other.rest
        return
    if matching.group is not None:
        many, single = (one, other) if matching.group == "left" else (other, one)
        found.have, found.gone, found.rest = many.have, many.gone, many.rest
        if matching.include:
            found.have, found.gone = dict(many.have), dict(many.gone)
            for label in matching.include:
                fact = single.fact(label)
                if fact is None:
                    found.have.pop(label, None)
                    found.gone[label] = single.why_not(label) or Why(matching.span, "not on the one side")
                else:
                    found.have[label] = fact
                    found.gone.pop(label, None)
        return
    if matching.on:
        found.have, found.gone = {}, {}
        for label in matching.labels:
            left, right = one.fact(label), other.fact(label)
            if left is None or right is None:
                found.gone[label] = one.why_not(label) or other.why_not(label) or Why(matching.span, "not there")
            else:
                found.have[label] = Fact(left.sure or right.sure, left.value if left.value is not None else right.value)
        found.rest = Why(matching.span, "only the labels of `on` are kept")
        return
    found.have = {label: fact for label, fact in one.have.items() if label not in matching.labels}
    found.gone = {**one.gone, **{label: Why(matching.span, "removed by `ignoring`") for label in matching.labels}}


def _sides(node: ast.Binary, left: Value, right: Value) -> list[tuple[Source, Source, Source]]:
    """(left, right, fresh result with its labels) for each pair of branches."""
    made = []
    for one in left:
        for other in right:
            if one.scalar and not other.scalar:
                found = other.copy(node)
            else:
                found = one.copy(node)
                if not one.scalar and not other.scalar:
                    _merge_labels(node, one, other, found)
            found.dead = one.dead or other.dead
            found.filtered = one.filtered or other.filtered
            found.tautology = one.tautology or other.tautology
            found.always = one.always and other.always
            made.append((one, other, found))
    return made


def _with_misses(join: Join | None, node: ast.Binary, made: list[Source]) -> Value:
    if join is not None:
        for found, miss in zip(made, join.misses, strict=True):
            if miss is not None and found.dead is None:
                found.dead = Why(node.op_span, f"its sides never match on `{miss.label}`")
    return tuple(made)


def _comparison(node: ast.Binary, left: Value, right: Value, join: Join | None) -> Value:
    made = []
    for one, other, found in _sides(node, left, right):
        kept, bound, op = (other, one, _FLIPPED[node.op]) if one.scalar and not other.scalar else (one, other, node.op)
        if node.bool_modifier or (one.scalar and other.scalar):
            found.number(0.0, 1.0, None, "bool").steps = frozenset((0.0, 1.0))
            found.series = None
            made.append(found)
            continue
        found.node = kept.node
        decided = decide(op, kept, bound)
        if decided is False and found.dead is None:
            found.dead = Why(node.span, f"never true: {_bounds(kept, bound, op)}")
        if decided is True:
            found.tautology = found.tautology or Why(node.span, f"always true: {_bounds(kept, bound, op)}")
        if decided is not True or _replaceable(kept, right if kept is other else left):
            found.always = False
        if found.filtered is None and decided is not True:
            found.filtered = Why(node.op_span, "this comparison")
        found.kind, found.unit, found.series = kept.kind, kept.unit, kept.series
        found.low, found.high = intervals.narrowed(op, (kept.low, kept.high), (bound.low, bound.high))
        if found.low > found.high:
            found.low, found.high = kept.low, kept.high
        found.steps = None
        if kept.steps is not None and bound.low == bound.high:
            found.steps = frozenset(v for v in kept.steps if intervals.holds(op, v, bound.low)) or None
        found.const = kept.const
        made.append(found)
    return _with_misses(join, node, made)


def _replaceable(source: Source, branches: Value) -> bool:
    """Whether a branch before it can have its labels, and so take its place: `count(x) or vector(0)` is one or the other."""
    before = branches[: next(n for n, branch in enumerate(branches) if branch is source)]
    return any(branch.dead is None and _miss(None, branch, source) is None for branch in before)


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def decide(op: str, kept: Source, bound: Source) -> bool | None:
    """Whether the comparison is always or never true, by the values that both sides can have."""
    if kept.kind == "native":
        return None
    if kept.steps is not None and bound.low == bound.high:
        outcomes = {intervals.holds(op, value, bound.low) for value in kept.steps}
        return outcomes.pop() if len(outcomes) == 1 else None
    return intervals.verdict(op, (kept.low, kept.high), (bound.low, bound.high))


def _bounds(kept: Source, bound: Source, op: str) -> str:
    if kept.steps is not None:
        return "the value is " + " or ".join(f"{v:g}" for v in sorted(kept.steps))
    if kept.low == kept.high:
        return f"the value is {kept.low:g}"
    if kept.low == -intervals.INF:
        return f"the value is at most {kept.high:g}"
    if kept.high == intervals.INF:
        return f"the value is at least {kept.low:g}"
    return f"the value is between {kept.low:g} and {kept.high:g}"


def _arithmetic(node: ast.Binary, left: Value, right: Value, join: Join | None) -> Value:
    made = []
    op = node.op
    for one, other, found in _sides(node, left, right):
        low, high = intervals.combine(op, (one.low, one.high), (other.low, other.high))
        left_number = one.low if one.const and one.low == one.high else None
        right_number = other.low if other.const and other.low == other.high else None
        if op in ("+", "-"):
            unit = sum_unit(op, one.unit, other.unit, left_number is not None, right_number is not None)
        elif op == "*":
            unit = product_unit(one.unit, other.unit, left_number, right_number)
        elif op == "/":
            unit = quotient_unit(one.unit, other.unit, right_number)
            if is_share(one.node, other.node):
                low, high, unit = max(low, 0.0), min(high, 1.0), "ratio"
        else:
            unit = None
        found.number(low, high, unit, one.kind if op in ("*", "/") and right_number is not None else "gauge")
        found.series = None
        found.const = one.const and other.const
        made.append(found)
    return _with_misses(join, node, made)
