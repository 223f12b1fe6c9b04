"""promql/on-nothing: `on(...)` names a label that a side never has."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_built, check_expr, declared
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


@pytest.mark.parametrize(
    ("expr", "text", "decided"),
    [
        (
            "sum by (job) (up) and on (cluster) sum by (queue) (queue_depth)",
            "no side has the label `cluster`",
            "by (job)",
        ),
        (
            "unknown and on (cluster) sum by (job) (up)",
            "the right side never has the label `cluster`: only series of the left side",
            "by (job)",
        ),
        (
            "sum by (job) (up) and on (cluster) unknown",
            "the left side never has the label `cluster`: only series of the right side",
            "by (job)",
        ),
    ],
)
def test_which_side_lacks_the_label(expr: str, text: str, decided: str) -> None:
    found = check_expr(expr, declared())
    assert text in found.one(CODE).message
    ((span, _),) = found.one(CODE).notes
    assert expr[slice(*span)] == decided


@pytest.mark.parametrize(
    "expr", ["up and on ($label) up", "vector(1) and on (job) vector(2)", "unknown and on (cluster) other"]
)
def test_silent_on_variables_and_constants(expr: str) -> None:
    assert CODE not in check_expr(expr, declared(), use="panel").codes()


def test_found_in_a_tree_that_was_built() -> None:
    assert "`cluster`" in check_built("up and on (cluster) queue_depth", declared()).one(CODE).message
