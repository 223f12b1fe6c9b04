"""promql/version: The targeted Prometheus does not accept a construct."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/version"
BAD = "mad_over_time(queue_depth[5m]) > 1"
GOOD_EXPR = "stddev_over_time(queue_depth[5m]) > 1"
MORE = [
    ("queue_depth > 10m", "10m"),
]
SILENT = [
    GOOD_EXPR,
    "queue_depth > 600",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "mad_over_time"
    assert "compatibility.prometheus" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "mad_over_time"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
