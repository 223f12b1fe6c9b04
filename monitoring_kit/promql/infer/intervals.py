"""Interval arithmetic: bounds of sums, products, quotients, and what a comparison leaves."""

from __future__ import annotations

import math

INF = math.inf
Interval = tuple[float, float]
ANY: Interval = (-INF, INF)


def _times(a: float, b: float) -> float:
    # A bound of 0 stays 0: the infinite one is never reached.
    return 0.0 if a == 0 or b == 0 else a * b


def combine(op: str, left: Interval, right: Interval) -> Interval:
    """Bounds of ``left op right``; everything where an operator or a NaN leaves nothing to say."""
    if any(math.isnan(x) for x in (*left, *right)):
        return ANY
    if op == "+":
        return (_plus(left[0], right[0], -INF), _plus(left[1], right[1], INF))
    if op == "-":
        return (_plus(left[0], -right[1], -INF), _plus(left[1], -right[0], INF))
    if op == "*":
        corners = [_times(a, b) for a in left for b in right]
        return (min(corners), max(corners))
    if op == "/":
        return _divide(left, right)
    if op == "%" and left[0] >= 0 and right[0] >= 0:
        return (0.0, min(left[1], right[1]))
    if op == "^" and left[0] >= 0:
        return (0.0, INF)
    return ANY


def _plus(a: float, b: float, worst: float) -> float:
    total = a + b
    return worst if math.isnan(total) else total


def _divide(left: Interval, right: Interval) -> Interval:
    if right[0] > 0 or right[1] < 0:
        return combine("*", left, (1 / right[1], 1 / right[0]))
    if right[0] == 0:
        # x / 0 is an infinity of x's sign, or NaN.
        return (0.0 if left[0] >= 0 else -INF, 0.0 if left[1] <= 0 else INF)
    return ANY


def verdict(op: str, left: Interval, right: Interval) -> bool | None:
    """Whether ``left op right`` is always (True) or never (False) true for numbers within those bounds."""
    low, high = left
    other_low, other_high = right
    if any(math.isnan(x) for x in (*left, *right)):
        return None
    if op in ("<", "<="):
        return verdict(">" if op == "<" else ">=", right, left)
    if op == ">":
        return True if low > other_high else False if high <= other_low else None
    if op == ">=":
        return True if low >= other_high else False if high < other_low else None
    apart = high < other_low or low > other_high
    same = low == high == other_low == other_high
    if op == "==":
        return False if apart else True if same and math.isfinite(low) else None
    return True if apart else False if same and math.isfinite(low) else None


def narrowed(op: str, left: Interval, right: Interval) -> Interval:
    """The bounds of those left values for which the comparison is true."""
    if op in (">", ">="):
        return (max(left[0], right[0]), left[1])
    if op in ("<", "<="):
        return (left[0], min(left[1], right[1]))
    if op == "==":
        return (max(left[0], right[0]), min(left[1], right[1]))
    return left


def holds(op: str, value: float, other: float) -> bool:
    """One comparison of two numbers."""
    return {
        ">": value > other, ">=": value >= other, "<": value < other, "<=": value <= other, "==": value == other,
        "!=": value != other,
    }[op]  # fmt: skip
