"""promql/beyond-retention: A range or offset reaches beyond what Prometheus keeps."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert

CODE = "promql/beyond-retention"
BAD = "queue_depth > 2 * queue_depth offset 60d"
GOOD_EXPR = "queue_depth > 2 * queue_depth offset 7d"
MORE = [
    ("avg_over_time(queue_depth[30d]) > 1", "30d"),
]
SILENT = [
    GOOD_EXPR,
    "avg_over_time(queue_depth[14d]) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "60d"
    assert "retention" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "60d"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@pytest.mark.parametrize(
    ("expr", "severity", "caret"),
    [
        ("rate(http_requests_total[5m] offset 60d) > 1", "error", "60d"),
        # The range starts where the offset ends: 10 days back, and 10 more of which five are kept.
        ("avg_over_time(queue_depth[10d] offset 10d) > 1", "warning", "10d"),
        ("max_over_time(avg_over_time(queue_depth[10d])[10d:1h]) > 1", "warning", "10d"),
        ("max_over_time((queue_depth offset 10d)[10d:1h]) > 1", "error", "10d"),
    ],
)
def test_how_far_back_is_added_up(expr: str, severity: str, caret: str) -> None:
    found = check_expr(expr, declared())
    assert (found.one(CODE).severity.word, found.marked(CODE)) == (severity, caret)


@pytest.mark.parametrize(
    "expr", ["max_over_time(queue_depth[7d:1h] offset 7d) > 1", "avg_over_time(queue_depth[7d] offset 7d) > 1"]
)
def test_silent_within_the_retention(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()


def test_silent_where_the_retention_is_unknown() -> None:
    assert check_expr("queue_depth offset 900d > avg_over_time(queue_depth[900d])").codes() == []
