"""promql/raw-counter: A counter is compared with a constant."""

from __future__ import annotations

import pytest

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
