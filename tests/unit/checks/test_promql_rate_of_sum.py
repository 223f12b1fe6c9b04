"""promql/rate-of-sum: The rate of a sum of counters."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared, recording
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/rate-of-sum"
BAD = "rate(sum by (job) (http_requests_total)[5m:1m]) > 1"
GOOD_EXPR = "sum by (job) (rate(http_requests_total[5m])) > 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "rate(http_requests_total[5m]) > 1",
    "max_over_time(sum(rate(http_requests_total[5m]))[1h:1m]) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "sum by (job) (http_requests_total)[5m:1m]"
    assert "sum(rate(x[5m]))" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "sum by (job) (http_requests_total)[5m:1m]"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # One request a second at each of two instances; one of them restarts.
    series = {"http_requests_total{i='a'}": "100000+15x120", "http_requests_total{i='b'}": "100000+15x60 0+15x60"}
    assert fires("rate(sum(http_requests_total)[5m:15s]) > 100", series, at="16m")
    assert not fires("sum(rate(http_requests_total[5m])) > 100", series, at="16m")


def test_what_is_a_sum() -> None:
    known = recording(declared(), job__requests="sum by (job) (http_requests_total)")
    assert (
        check_expr("rate(job:requests[5m]) > 1", known)
        .one(CODE)
        .message.startswith("`job:requests` is a sum of counters")
    )
    inline = check_expr("rate(sum(http_requests_total)[5m:1m]) > 1", known)
    assert inline.one(CODE).message.startswith("it is a sum of counters")
    assert CODE not in check_expr("rate(unknown[5m]) > 1").codes()
