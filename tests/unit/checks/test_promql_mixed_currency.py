"""promql/mixed-currency: Amounts of different currencies are added up."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert

CODE = "promql/mixed-currency"
BAD = "sum(revenue_per_hour) < 5"
GOOD_EXPR = "sum by (currency) (revenue_per_hour) < 5"
MORE = [
    ("sum without (currency) (revenue_per_hour) < 5", "sum without (currency) (revenue_per_hour)"),
]
SILENT = [
    GOOD_EXPR,
    'sum(revenue_per_hour{currency="EUR"}) < 5',
    "sum without (instance) (revenue_per_hour) < 5",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "sum(revenue_per_hour)"
    assert "sum by (currency) (revenue_per_hour) < 5" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "sum(revenue_per_hour)"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@pytest.mark.parametrize(
    ("expr", "cure"),
    [
        ("sum(revenue_per_hour) > 5", "sum by (currency) (revenue_per_hour) > 5"),
        ("sum by (job) (revenue_per_hour) > 5", "sum by (currency, job) (revenue_per_hour) > 5"),
        ("sum without (currency) (revenue_per_hour) > 5", "sum by (currency) (revenue_per_hour) > 5"),
    ],
)
def test_the_cure_keeps_what_was_grouped_by(expr: str, cure: str) -> None:
    assert f"`{cure}`" in check_expr(expr, declared()).one(CODE).help
