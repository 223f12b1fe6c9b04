"""promql/many-matches: A join that fails as soon as one side has two series for one of the other."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/many-matches"
BAD = "rate(http_requests_total[5m]) / on (job) queue_depth > 1"
GOOD_EXPR = "sum by (job) (rate(http_requests_total[5m])) / on (job) sum by (job) (queue_depth) > 1"
MORE = [
    ("queue_depth * on (job) group_left build_info > 1", "build_info"),
]
SILENT = [
    GOOD_EXPR,
    "queue_depth * on (job, instance) group_left max by (job, instance) (build_info) > 1",
    "sum(rate(errors_total[5m])) / on () sum(rate(http_requests_total[5m])) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "rate(http_requests_total[5m])"
    assert "aggregate" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "rate(http_requests_total[5m])"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
