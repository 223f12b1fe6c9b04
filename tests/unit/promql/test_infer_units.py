"""Units of sums, products and quotients, and which units cannot be compared."""

from __future__ import annotations

import pytest

from monitoring_kit.promql.infer.units import clash, per_second, product_unit, quotient_unit, sum_unit


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("seconds", "bytes", True),
        ("seconds", "seconds", False),
        ("seconds", None, False),
        (None, "seconds", False),
        (None, None, False),
        ("timestamp", "seconds", False),
        ("seconds", "timestamp", False),
        ("timestamp", "bytes", True),
        ("bytes", "bytes/s", True),
        ("bytes/s", "bytes", True),
        ("bytes/s", "bytes/s", False),
        ("seconds", "seconds/s", False),  # a share of time
        ("events", "events/s", False),
        ("events", "seconds", False),
        ("seconds", "events", False),
        ("ratio", "bytes", False),
        ("bytes/s", "seconds/s", True),
        ("celsius", "volts", True),
    ],
)
def test_clash(left: str | None, right: str | None, expected: bool) -> None:
    assert clash(left, right) is expected


@pytest.mark.parametrize(
    ("op", "left", "right", "left_const", "right_const", "expected"),
    [
        ("+", None, "bytes", True, False, "bytes"),
        ("+", None, "bytes", False, False, None),
        ("-", "bytes", None, False, True, "bytes"),
        ("-", "bytes", None, False, False, None),
        ("+", "bytes", "seconds", True, False, None),
        ("+", "bytes", "seconds", False, True, None),
        ("-", "timestamp", "timestamp", False, False, "seconds"),
        ("+", "timestamp", "timestamp", False, False, None),
        ("+", "timestamp", "seconds", False, False, "timestamp"),
        ("-", "timestamp", "seconds", False, False, "timestamp"),
        ("-", "timestamp", "bytes", False, False, None),
        ("-", "seconds", "timestamp", False, False, None),
        ("+", "bytes", "bytes", False, False, "bytes"),
        ("+", "bytes", "ratio", False, False, None),
        ("+", None, None, False, False, None),
    ],
)
def test_sums(
    op: str, left: str | None, right: str | None, left_const: bool, right_const: bool, expected: str | None
) -> None:
    assert sum_unit(op, left, right, left_const, right_const) == expected


@pytest.mark.parametrize(
    ("left", "right", "left_number", "right_number", "expected"),
    [
        (None, "bytes", 1.0, None, "bytes"),
        (None, "bytes", -1.0, None, "bytes"),
        (None, "bytes", 8.0, None, None),
        ("bytes", None, None, 1.0, "bytes"),
        ("bytes", None, None, 100.0, None),
        ("ratio", None, None, 100.0, "percent"),
        (None, "ratio", 100.0, None, "percent"),
        ("seconds/s", None, None, 100.0, "percent"),
        ("ratio", None, None, 10.0, None),
        ("ratio", "bytes", None, None, "bytes"),
        ("bytes", "ratio", None, None, "bytes"),
        ("bytes", "seconds", None, None, None),
        ("bytes", None, None, None, None),
        (None, None, 2.0, 3.0, None),
    ],
)
def test_products(
    left: str | None, right: str | None, left_number: float | None, right_number: float | None, expected: str | None
) -> None:
    assert product_unit(left, right, left_number, right_number) == expected


@pytest.mark.parametrize(
    ("left", "right", "right_number", "expected"),
    [
        ("percent", None, 100.0, "ratio"),
        ("bytes", None, 100.0, None),
        ("percent", None, 10.0, None),
        ("percent", None, 1.0, "percent"),
        ("bytes", None, -1.0, "bytes"),
        ("bytes", None, 1024.0, None),
        (None, "bytes", None, None),
        ("bytes", None, None, None),
        ("bytes", "bytes", None, "ratio"),
        ("bytes/s", "bytes/s", None, "ratio"),
        ("seconds/s", "events/s", None, "seconds"),
        ("seconds", "events", None, "seconds"),
        ("seconds/s", "events", None, "seconds/s"),
        ("seconds", "events/s", None, None),
        ("bytes", "bytes/s", None, "seconds"),
        ("bytes", "seconds/s", None, None),
        ("bytes/s", "bytes", None, None),
        ("bytes", "seconds", None, None),
    ],
)
def test_quotients(left: str | None, right: str | None, right_number: float | None, expected: str | None) -> None:
    assert quotient_unit(left, right, right_number) == expected


def test_rates() -> None:
    assert per_second("bytes") == "bytes/s"
    assert per_second(None) is None
