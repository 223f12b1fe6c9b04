"""promql/impossible-grouping: `by` or `without` names a label that nothing here has."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_built, check_expr, declared
from tests.unit.checks.world_text import check_alert

CODE = "promql/impossible-grouping"
BAD = "sum by (cluster) (sum by (job) (rate(http_requests_total[5m]))) > 1"
GOOD_EXPR = "sum by (job) (rate(http_requests_total[5m])) > 1"
MORE = [
    ("sum by (methods) (rate(http_requests_total[5m])) > 1", "methods"),
    ("sum without (region) (queue_depth) > 1", "region"),
]
SILENT = [
    GOOD_EXPR,
    "sum by (method) (rate(http_requests_total[5m]) or vector(0)) > 1",
    "sum without (method) (rate(http_requests_total[5m])) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "cluster"
    assert "remove `cluster`" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "cluster"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@pytest.mark.parametrize(
    "expr",
    [
        "sum by (queue) (up > 5)",
        "sum by (job) (vector(1))",
        "sum by (queue) (sum by (queue) (queue_depth) or vector(0))",
    ],
)
def test_silent_on_dead_and_constant_branches(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()


def test_found_in_a_tree_that_was_built() -> None:
    assert "`cluster`" in check_built("sum by (cluster) (queue_depth) > 1", declared()).one(CODE).message
