"""promql/never-matches: The two sides of an operator can never match each other."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/never-matches"
BAD = "sum by (job, status) (rate(http_requests_total[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.1"
GOOD_EXPR = "sum by (job, status) (rate(http_requests_total[5m])) / ignoring (status) group_left sum by (job) (rate(http_requests_total[5m])) > 0.1"
MORE = [
    ('rate(http_requests_total{status="500"}[5m]) / rate(http_requests_total{status="200"}[5m]) > 1', "/"),
    ("queue_depth > 5 and on (queue) sum by (job) (up)", "and"),
]
SILENT = [
    GOOD_EXPR,
    "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.1",
    "queue_depth > 5 and on (job) up == 1",
    "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 0.1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "/"
    assert "ignoring (status)" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "/"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {
        "http_requests_total{job='shop',status='500'}": "0+100x200",
        "http_requests_total{job='shop',status='200'}": "0+1x200",
    }
    for expr, _ in [(BAD, ""), *MORE]:
        assert not fires(expr, {**series, "queue_depth{job='shop',queue='mail'}": "10x200", "up{job='shop'}": "1x200"})
    assert fires(GOOD_EXPR, series)
