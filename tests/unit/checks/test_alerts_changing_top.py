"""alerts/changing-top: `topk` or `bottomk` decides what an alert fires on."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "alerts/changing-top"
BAD = "topk(3, queue_depth) > 1"
GOOD_EXPR = "queue_depth > 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "sum(topk(3, queue_depth)) > 1",
    "max by (job) (queue_depth) > 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "topk"
    assert "threshold" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "topk"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
