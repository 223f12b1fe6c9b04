"""promql/rate-not-share: A rate of errors is compared with what looks like a share."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/rate-not-share"
BAD = 'rate(http_requests_total{status=~"5.."}[5m]) > 0.1'
GOOD_EXPR = 'sum by (service) (rate(http_requests_total{status=~"5.."}[5m])) / sum by (service) (rate(http_requests_total[5m])) > 0.1'
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    'rate(http_requests_total{status=~"5.."}[5m]) > 10',
    'rate(http_requests_total{status="200"}[5m]) < 0.1',
    "rate(http_requests_total[5m]) > 0.5",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'rate(http_requests_total{status=~"5.."}[5m]) > 0.1'
    assert "/ sum by (service) (rate(http_requests_total[5m])) > 0.1" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'rate(http_requests_total{status=~"5.."}[5m]) > 0.1'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # One error in a thousand requests of a busy service.
    busy = {
        "http_requests_total{service='shop',status='500'}": "0+15x200",
        "http_requests_total{service='shop',status='200'}": "0+15000x200",
    }
    assert fires(BAD, busy)
    assert not fires(GOOD_EXPR, busy)


def test_the_cure_has_the_window_that_was_written() -> None:
    help_ = check_expr('rate(x_total{code=~"5..",method="GET"}[1m]) > 0.05').one(CODE).help
    assert (
        '`sum by (job) (rate(x_total{code=~"5..", method="GET"}[1m])) / sum by (job) (rate(x_total{method="GET"}[1m])) > 0.05`'
        in help_
    )


@pytest.mark.parametrize(
    "expr",
    [
        'rate(x_total{method="GET"}[5m]) > 0.05', 'rate(x_total{code!="500"}[5m]) > 0.05', 'rate(x_total{job="fail"}[5m]) > 0.05',
        'rate(x_total{code!="500",method="GET",job="bad"}[5m]) > 0.05', 'rate(x_total{code="500"}[5m]) < 0.05',
        'rate(x_total{code="500"}[5m]) > 5', 'x_total{code="500"} > 0.05', 'rate(disk_used_bytes{code="500"}[5m]) > 0.05',
        'rate(x_total{code="500"}[5m:1m]) > 0.05', 'increase(x_total{code="500"}[5m]) > 0.05',
    ],
)  # fmt: skip
def test_silent_where_no_share_is_meant(expr: str) -> None:
    assert CODE not in check_expr(expr).codes()
