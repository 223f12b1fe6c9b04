"""promql/raw-counter: A counter is compared with a constant."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/raw-counter"
BAD = "http_requests_total > 100"
GOOD_EXPR = "rate(http_requests_total[5m]) > 100"
MORE = [
    ("sum(errors_total) > 100", "sum(errors_total)"),
]
SILENT = [
    GOOD_EXPR,
    "errors_total > 0",
    "errors_total - errors_total offset 1h > 100",
    "queue_depth > 100",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "http_requests_total"
    assert "rate(http_requests_total[5m]) > 100" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "http_requests_total"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # One event a minute, far below 100 a second: the raw counter fires after two hours.
    slow = {"http_requests_total{job='shop'}": "0+0.25x800"}
    assert not fires("http_requests_total > 100", slow, at="30m")
    assert fires("http_requests_total > 100", slow, at="3h")
    assert not fires("rate(http_requests_total[5m]) > 100", slow, at="3h")


@pytest.mark.parametrize(
    "expr",
    [
        "http_requests_total == 100",
        "http_requests_total * 5 > 0",
        "http_requests_total > 0",
        "http_requests_total > queue_depth",
    ],
)
def test_silent_where_growing_does_no_harm(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()


@pytest.mark.parametrize(
    "expr",
    [
        "http_requests_total offset 1h > 100",
        "http_requests_total @ 5 > 100",
        "max_over_time(http_requests_total[5m]) > 100",
    ],
)
def test_no_expression_is_suggested_where_it_would_mean_something_else(expr: str) -> None:
    found = check_expr(expr, declared()).one(CODE)
    assert (found.help, found.fix) == ("compare its rate or increase", None)


def test_the_number_may_stand_before() -> None:
    found = check_expr("100 < sum(http_requests_total)", declared())
    assert "`100 < sum(rate(http_requests_total[5m]))`" in found.one(CODE).help
    assert found.one(CODE).fix is not None
