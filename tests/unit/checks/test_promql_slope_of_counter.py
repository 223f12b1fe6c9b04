"""promql/slope-of-counter: `deriv`, `delta` or `predict_linear` of a counter."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/slope-of-counter"
BAD = "deriv(http_requests_total[5m]) > 1"
GOOD_EXPR = "rate(http_requests_total[5m]) > 1"
MORE = [
    ("delta(errors_total[5m]) > 1", "delta(errors_total[5m])"),
    ("predict_linear(errors_total[1h], 3600) > 1", "predict_linear(errors_total[1h], 3600)"),
]
SILENT = [
    GOOD_EXPR,
    "deriv(queue_depth[5m]) > 1",
    "predict_linear(disk_used_bytes[1h], 3600) > 1e9",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "deriv(http_requests_total[5m])"
    assert "rate(http_requests_total[5m]) > 1" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "deriv(http_requests_total[5m])"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
