"""promql/unknown-metric: No service exposes the metric and no rule records it."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/unknown-metric"
BAD = "rate(http_request_total[5m]) > 1"
GOOD_EXPR = "rate(http_requests_total[5m]) > 1"
MORE = [
    ("queue_dept > 5", "queue_dept"),
    ("never_heard_of > 5", "never_heard_of"),
]
SILENT = [
    GOOD_EXPR,
    "up == 0",
    "queue_depth > 5",
    "service:traffic:rate5m > 5",
    '{__name__=~"queue_.*"} > 5',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "http_request_total"
    assert "did you mean `rate(http_requests_total[5m]) > 1`?" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "http_request_total"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
