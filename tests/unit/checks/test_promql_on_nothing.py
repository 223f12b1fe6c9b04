"""promql/on-nothing: `on(...)` names a label that a side never has."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/on-nothing"
BAD = "queue_depth > 5 and on (cluster) sum by (job) (up) == 1"
GOOD_EXPR = "queue_depth > 5 and on (job) sum by (job) (up) == 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "queue_depth > 5 and on () sum(up) == 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "cluster"
    assert "match on labels that both sides have" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "cluster"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # The queue is of another job than the one that is up: matched on a label that nobody has, it fires all the same.
    series = {"queue_depth{job='shop'}": "10x200", "up{job='till'}": "1x200"}
    assert fires(BAD, series)
    assert not fires(GOOD_EXPR, series)
