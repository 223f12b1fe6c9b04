"""promql/beyond-retention: A range or offset reaches beyond what Prometheus keeps."""

from __future__ import annotations

import pytest

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
