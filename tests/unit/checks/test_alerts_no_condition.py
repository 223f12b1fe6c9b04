"""alerts/no-condition: The alert has no condition, or one that always returns something."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "alerts/no-condition"
BAD = "queue_depth > bool 5"
GOOD_EXPR = "queue_depth > 5"
MORE = [
    ("queue_depth", "queue_depth"),
    ("queue_depth > 5 or vector(1)", "vector(1)"),
    ("(queue_depth or vector(0)) < 1", "vector(0)"),
    ("(vector(0) or count(queue_depth)) < 1", "vector(0)"),
    ("(count(queue_depth) < 0 or vector(0)) < 1", "vector(0)"),
    ("sum(rate(errors_total[5m]))", "sum(rate(errors_total[5m]))"),
]
SILENT = [
    GOOD_EXPR,
    'absent(up{job="shop"})',
    "queue_depth and on (job) up == 0",
    "up == 0 or queue_depth > 5",
    "queue_depth unless on (job) up == 1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "queue_depth > bool 5"
    assert "remove `bool`" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "queue_depth > bool 5"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    # `vector(0)` is there only where the count is not.
    for series, firing in (({"queue_depth": "1x200"}, False), ({"other": "1x200"}, True)):
        assert fires("(count(queue_depth) or vector(0)) < 1", series) is firing
    assert fires("(queue_depth or vector(0)) < 1", {"queue_depth{job='a'}": "7x200"})
    # What `bool` made is compared again: there is a condition (the form of etcd's alerts).
    assert not fires("sum(queue_depth == bool 1) < 1", {"queue_depth": "1x200"})
    for value in ("0x200", "3x200", "9x200"):
        assert fires("queue_depth > bool 5", {"queue_depth": value})
        assert fires("queue_depth > 5 or vector(1)", {"queue_depth": value})
        assert fires("queue_depth", {"queue_depth": value})
    assert not fires("queue_depth > 5", {"queue_depth": "3x200"})


@pytest.mark.parametrize(
    "expr",
    [
        "(up > 5) > bool 3",
        "(up > 0) > bool 3",
        "sum by (job) (up == bool 1) < 2",
        "(queue_depth > bool 5) == 1",
        "(count(queue_depth) or vector(0)) < 1",
        "1 > (count(queue_depth) or vector(0))",
        "vector(1) > 2",
        "absent(queue_depth) * 5",
        "count(queue_depth) > 0",
    ],
)
def test_silent_on_what_never_fires_and_on_presence(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()


def test_a_watchdog_must_always_fire() -> None:
    assert CODE not in check_expr("vector(1)", declared(), watchdog=True).codes()
    assert (
        "the expression always returns a value: the alert always fires"
        in check_expr("vector(1)", declared()).one(CODE).message
    )
    assert (
        "this part always returns a value" in check_expr("queue_depth > 5 or vector(1)", declared()).one(CODE).message
    )


def test_how_sure_it_is() -> None:
    assert check_expr("queue_depth", declared()).one(CODE).severity.word == "warning"
    assert check_expr("vector(1)", declared()).one(CODE).severity.word == "error"
    assert check_expr("queue_depth > bool 5", declared()).one(CODE).severity.word == "error"
    # Of an unknown metric nobody knows what its being there means.
    assert CODE not in check_expr("unknown").codes()
