"""promql/two-valued: A fraction is compared with `up`, which is 0 or 1."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert

CODE = "promql/two-valued"
BAD = 'up{job="shop"} < 0.99'
GOOD_EXPR = 'avg_over_time(up{job="shop"}[1h]) < 0.99'
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "up == 0",
    "up < 1",
    "avg(up) < 0.5",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'up{job="shop"} < 0.99'
    assert 'avg_over_time(up{job="shop"}[1h]) < 0.99' in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'up{job="shop"} < 0.99'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@pytest.mark.parametrize(
    ("expr", "text", "cure"),
    [
        ("up > 0.5", "`up` is 0 or 1: this means `== 1`", "avg_over_time(up[1h]) > 0.5"),
        ("up < 0.5", "`up` is 0 or 1: this means `== 0`", "avg_over_time(up[1h]) < 0.5"),
        (
            "min by (job) (up) <= 0.9",
            "`up` is 0 or 1: this means `== 0`",
            "min by (job) (avg_over_time(up[1h])) <= 0.9",
        ),
        (
            "group(queue_depth) >= 0.5",
            "`the value` is 0 or 1: this means `== 1`",
            "group(avg_over_time(queue_depth[1h])) >= 0.5",
        ),
    ],
)
def test_what_it_means_and_what_was_meant(expr: str, text: str, cure: str) -> None:
    found = check_expr(expr, declared()).one(CODE)
    assert found.message.startswith(text)
    assert f"`{cure}`" in found.help


@pytest.mark.parametrize(
    "expr",
    ["up == 0.5", "up * 0.5 > 1", "up > 1", "up > 0", "(up > bool 0) > 0.5", "queue_depth > 0.5", "up > hit_ratio"],
)
def test_silent_on_other_values_and_limits(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()
