"""promql/rate-on-gauge: `rate`, `irate` or `increase` of a gauge."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/rate-on-gauge"
BAD = "rate(queue_depth[5m]) > 1"
GOOD_EXPR = "deriv(queue_depth[5m]) > 1"
MORE = [
    ("increase(queue_depth[5m]) > 1", "increase(queue_depth[5m])"),
    ("sum(irate(user_count[5m])) > 1", "irate(user_count[5m])"),
]
SILENT = [
    GOOD_EXPR,
    "rate(errors_total[5m]) > 1",
    "delta(queue_depth[5m]) > 1",
    "rate(http_requests_total[5m]) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "rate(queue_depth[5m])"
    assert "deriv(queue_depth[5m]) > 1" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "rate(queue_depth[5m])"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # A queue that only ever empties: 1000, 900, ... 0 and again.
    falling = {"queue_depth{queue='mail'}": "1000-10x100"}
    assert fires("rate(queue_depth[5m]) > 1", falling, at="10m")
    assert not fires("deriv(queue_depth[5m]) > 1", falling, at="10m")
