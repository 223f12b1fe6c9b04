"""promql/short-window: A range that holds too few scrapes."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import captured, check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/short-window"
BAD = "rate(slow_total[1m]) > 1"
GOOD_EXPR = "rate(slow_total[4m]) > 1"
MORE = [
    ("rate(errors_total[30s]) > 1", "30s"),
    ("irate(errors_total[15s]) > 1", "15s"),
]
SILENT = [
    GOOD_EXPR,
    "rate(errors_total[1m]) > 1",
    "max_over_time(queue_depth[15s]) > 1",
    "rate(errors_total[5m]) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "1m"
    assert "rate(slow_total[4m]) > 1" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "1m"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # Scraped once a minute (the test's samples are 15 s apart).
    series = {"slow_total": "0 _x3 600 _x3 1200 _x3 1800 _x3 2400 _x3 3000 _x3 3600 _x3 4200 _x3"}
    assert not fires("rate(slow_total[50s]) > 1", series, at="7m30s")
    assert fires("rate(slow_total[4m]) > 1", series, at="7m30s")


@pytest.mark.parametrize(
    "expr",
    [
        "rate(http_requests_total[15s:5s]) > 0",
        "rate(http_requests_total[$window]) > 0",
        "rate(unknown[15s]) > 0",
        "avg_over_time(queue_depth[15s]) > 0",
    ],
)
def test_silent_where_the_number_of_samples_is_unknown(expr: str) -> None:
    assert CODE not in check_expr(expr, declared(), use="panel").codes()


def test_silent_where_the_interval_is_unknown() -> None:
    series = captured().series("http_requests_total")
    assert series is not None
    assert series.interval is None
    assert CODE not in check_expr("rate(http_requests_total[1s]) > 0").codes()


@pytest.mark.parametrize(
    ("window", "severity"), [("15s", "error"), ("16s", "warning"), ("30s", "warning"), ("59s", "warning"), ("1m", None)]
)
def test_two_samples_are_needed_and_four_are_safe(window: str, severity: str | None) -> None:
    """Scraped every 15 s: a range of 15 s holds one sample (two at its very ends, on Prometheus 2 alone)."""
    found = check_expr(f"rate(http_requests_total[{window}]) > 0", declared())
    assert [f.severity.word for f in found.found if f.code == CODE] == ([severity] if severity else [])
