"""promql/version: The targeted Prometheus does not accept a construct."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import captured, check_expr
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


@pytest.mark.parametrize(
    ("expr", "target", "found"),
    [
        ("up offset 5 > 1", "2.42", True),
        ("up offset 5 > 1", "3.5", False),
        ("up offset 5 > 1", None, False),
        ("up offset 5m > 1", "2.42", False),
        ('{"up"} > 1', "2.42", True),
        ('{"up"} > 1', "3.5", False),
    ],
)
def test_only_what_the_target_lacks(expr: str, target: str | None, found: bool) -> None:
    assert (CODE in check_expr(expr, captured(prometheus=target)).codes()) is found


def test_silent_on_what_mkit_wrote() -> None:
    assert CODE not in check_expr("up offset 5 > 1", captured(prometheus="2.42"), generated=True).codes()
