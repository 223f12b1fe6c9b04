"""promql/short-window: A range that holds too few scrapes."""

from __future__ import annotations

import pytest

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
