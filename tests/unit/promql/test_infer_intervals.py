"""Bounds: held against every pair of numbers within them, and spelled out where a bound is infinite."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable

import pytest

from monitoring_kit.promql.infer.intervals import ANY, INF, Interval, combine, holds, narrowed, verdict

POINTS = (-3.0, -1.0, 0.0, 0.5, 2.0)
INTERVALS = [(low, high) for low in POINTS for high in POINTS if low <= high]
COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
NAN = math.nan


def within(interval: Interval) -> list[float]:
    """The ends of an interval and the points between them."""
    return sorted({*interval, *(p for p in POINTS if interval[0] <= p <= interval[1]), sum(interval) / 2})


@pytest.mark.parametrize("op", COMPARE)
def test_a_verdict_is_that_of_all_numbers(op: str) -> None:
    for left, right in itertools.product(INTERVALS, repeat=2):
        outcomes = {COMPARE[op](a, b) for a in within(left) for b in within(right)}
        assert verdict(op, left, right) == (outcomes.pop() if len(outcomes) == 1 else None), (op, left, right)


@pytest.mark.parametrize("op", COMPARE)
def test_what_a_comparison_leaves(op: str) -> None:
    for left, right in itertools.product(INTERVALS, repeat=2):
        kept = [a for a in within(left) for b in within(right) if COMPARE[op](a, b)]
        low, high = narrowed(op, left, right)
        assert all(low <= a <= high for a in kept)
        # As tight as a closed interval can be: only an end that `>`, `<` or `!=` itself rules out may stay.
        if kept and op in (">=", "<=", "=="):
            assert (low, high) == (min(kept), max(kept)), (op, left, right)
        assert low in (left[0], right[0])
        assert high in (left[1], right[1])


@pytest.mark.parametrize(("op", "apply"), [("+", operator.add), ("-", operator.sub), ("*", operator.mul)])
def test_arithmetic_is_exact(op: str, apply: Callable[[float, float], float]) -> None:
    for left, right in itertools.product(INTERVALS, repeat=2):
        results = [apply(a, b) for a in left for b in right]
        assert combine(op, left, right) == (min(results), max(results)), (op, left, right)


def test_division_is_exact_where_zero_is_no_divisor() -> None:
    for left, right in itertools.product(INTERVALS, repeat=2):
        low, high = combine("/", left, right)
        if right[0] > 0 or right[1] < 0:
            results = [a / b for a in left for b in right]
            assert low == pytest.approx(min(results))
            assert high == pytest.approx(max(results))
        elif right[0] == 0:
            # The divisor can be as small as it likes; a quotient has the sign of the dividend.
            assert (low, high) == (0.0 if left[0] >= 0 else -INF, 0.0 if left[1] <= 0 else INF)
        else:
            assert (low, high) == ANY


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        ("+", (-INF, 0), (INF, INF), (-INF, INF)),
        ("+", (0, INF), (-INF, -INF), (-INF, INF)),
        ("+", (0, INF), (1, 2), (1, INF)),
        ("-", (0, INF), (1, INF), (-INF, INF)),
        ("-", (0, 5), (1, INF), (-INF, 4)),
        ("*", (0, 0), (-INF, INF), (0, 0)),
        ("*", (0, INF), (2, 3), (0, INF)),
        ("*", (0, 3), (2, INF), (0, INF)),
        ("*", (-INF, 1), (-2, -1), (-2, INF)),
        ("/", (2, 6), (2, INF), (0, 3)),
        ("/", (2, 6), (-INF, -2), (-3, 0)),
        ("/", (2, 6), (0, INF), (0, INF)),
        ("%", (0, 7), (0, 3), (0, 3)),
        ("%", (0, 2), (0, 3), (0, 2)),
        ("%", (-1, 7), (0, 3), ANY),
        ("%", (0, 7), (-1, 3), ANY),
        ("^", (0, 7), (-INF, INF), (0, INF)),
        ("^", (-1, 7), (2, 2), ANY),
        ("atan2", (0, 1), (0, 1), ANY),
        ("+", (NAN, NAN), (1, 1), ANY),
        ("+", (1, 1), (NAN, NAN), ANY),
    ],
)
def test_infinite_bounds(op: str, left: Interval, right: Interval, expected: Interval) -> None:
    assert combine(op, left, right) == expected


@pytest.mark.parametrize("op", COMPARE)
def test_nothing_is_said_of_nan_and_of_equal_infinities(op: str) -> None:
    assert verdict(op, (NAN, NAN), (1, 1)) is None
    assert verdict(op, (1, 1), (NAN, NAN)) is None
    if op in ("==", "!="):
        assert verdict(op, (INF, INF), (INF, INF)) is None
        assert verdict(op, (-INF, 1), (2, INF)) is (op == "!=")


@pytest.mark.parametrize("op", COMPARE)
def test_one_comparison(op: str) -> None:
    for a, b in itertools.product(POINTS, repeat=2):
        assert holds(op, a, b) is COMPARE[op](a, b)
