"""promql/ratio-in-aggregate: A quotient inside of an aggregation."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/ratio-in-aggregate"
BAD = "sum by (job) (rate(errors_total[5m]) / rate(http_requests_total[5m])) > 1"
GOOD_EXPR = "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(http_requests_total[5m])) > 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "max by (job) (disk_used_bytes / disk_used_bytes) > 1",
    "avg by (job) (rate(errors_total[5m]) / (rate(http_requests_total[5m]) > 0)) > 1",
    "avg(queue_depth / 2) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "/"
    assert "sum(...) / sum(...)" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "/"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {
        "errors_total{job='shop',i='a'}": "0+10x200", "http_requests_total{job='shop',i='a'}": "0+5x200",
        "errors_total{job='shop',i='idle'}": "0x200", "http_requests_total{job='shop',i='idle'}": "0x200",
    }  # fmt: skip
    assert not fires(BAD, series)
    assert fires(GOOD_EXPR, series)


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("avg(rate(errors_total[5m]) / rate(http_requests_total[5m])) > 1", True),
        ("avg(errors_total / clamp_min(queue_depth, 0)) > 1", True),
        ("avg(queue_depth / queue_depth) > 1", False),
        ("avg(queue_depth / clamp_min(queue_depth, 1)) > 1", False),
        ("avg(disk_used_bytes / (disk_used_bytes > 0)) > 1", False),
        ("avg(errors_total / 5) > 1", False),
        ("avg(unknown / other) > 1", False),
        ("max(errors_total / http_requests_total) > 1", False),
        ("avg(errors_total * http_requests_total) > 1", False),
        ("avg((errors_total % (http_requests_total))) > 1", True),
    ],
)
def test_only_what_can_be_nothing_of_nothing(expr: str, found: bool) -> None:
    assert (CODE in check_expr(expr, declared()).codes()) is found
