"""promql/constant-comparison: A comparison that is never, or always, true."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/constant-comparison"
BAD = 'count(up{job="shop"} == 1) < 1'
GOOD_EXPR = 'absent(up{job="shop"} == 1)'
MORE = [
    ("up > 1", "up > 1"),
    ('absent(queue_depth{queue="mail"}) == 0', 'absent(queue_depth{queue="mail"}) == 0'),
    ("rate(errors_total[5m]) < 0", "rate(errors_total[5m]) < 0"),
    (
        "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 10",
        "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 10",
    ),
    (
        'sum(rate(http_requests_total{status="500"}[5m])) / sum(rate(http_requests_total[5m])) > 5',
        'sum(rate(http_requests_total{status="500"}[5m])) / sum(rate(http_requests_total[5m])) > 5',
    ),
    ("count by (queue) (queue_depth) == 0", "count by (queue) (queue_depth) == 0"),
    ("rate(errors_total[5m]) >= 0", "rate(errors_total[5m]) >= 0"),
]
SILENT = [
    GOOD_EXPR,
    "up < 1",
    "up == 0",
    "count(up == 0) > 0",
    'absent(queue_depth{queue="mail"}) > 0',
    "rate(errors_total[5m]) > 0",
    "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 4",
    "count(up) < 2",
    "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 1",
    "hour() > 22",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'count(up{job="shop"} == 1) < 1'
    assert 'absent(up{job="shop"} == 1)' in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'count(up{job="shop"} == 1) < 1'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


SERIES = {
    "up{job='shop',instance='a'}": "0x200",
    "queue_depth{queue='mail'}": "3x200",
    "errors_total": "0+5x200",
    "http_requests_total{status='500'}": "0+10x200",
    "http_requests_total{status='200'}": "0+1x200",
    **{
        f"http_request_duration_seconds_bucket{{le='{le}'}}": f"0+{n}x200"
        for le, n in (("1", 1), ("5", 2), ("+Inf", 900))
    },
}


@needs_promtool
def test_prometheus_agrees() -> None:
    for expr in [BAD, *(e for e, _ in MORE if ">=" not in e)]:
        assert not fires(expr, SERIES), expr
    # Nothing is left of the queue: `count` returns nothing, not 0.
    assert not fires("count by (queue) (queue_depth) == 0", {"up": "1x200"})
    for value in ("0+5x200", "7x200"):
        assert fires("rate(errors_total[5m]) >= 0", {"errors_total": value})
    assert fires(GOOD_EXPR, SERIES)


@needs_promtool
def test_a_rate_of_what_nobody_declared_may_be_negative() -> None:
    """A fall is taken for a restart, which adds the value before it: below zero, more is taken away with each sample."""
    assert fires("rate(temperature[5m]) < 0", {"temperature": "-1-1x200"})
    assert CODE not in check_expr("rate(temperature[5m]) < 0").codes()
    assert CODE in check_expr("rate(errors_total[5m]) < 0", declared()).codes()


CONTRADICTIONS = [
    "queue_depth > 5 and queue_depth < 3",
    "(queue_depth > 5) and (3 > queue_depth)",
    "rate(errors_total[5m]) == 2 and rate(errors_total[5m]) == 3",
]
NO_CONTRADICTIONS = [
    "queue_depth > 3 and queue_depth < 5",
    "queue_depth >= 5 and queue_depth <= 5",
    "queue_depth > 5 or queue_depth < 3",
    "queue_depth > 5 unless queue_depth < 3",
    "queue_depth > 5 and queue_depth offset 5m < 3",
    "queue_depth > 5 and on () queue_depth < 3",
    'queue_depth{queue="a"} > 5 and queue_depth{queue="b"} < 3',
    "queue_depth > bool 5 and queue_depth < 3",
    "queue_depth > queue_limit and queue_depth < 3",
]


@pytest.mark.parametrize("expr", CONTRADICTIONS)
def test_two_bounds_that_no_value_passes(expr: str) -> None:
    assert check_expr(expr).one(CODE).severity.word == "error"
    assert check_expr(expr).marked(CODE) == expr


@pytest.mark.parametrize("expr", NO_CONTRADICTIONS)
def test_two_bounds_that_some_value_may_pass(expr: str) -> None:
    assert CODE not in check_expr(expr).codes()


@needs_promtool
def test_prometheus_agrees_on_two_bounds() -> None:
    for value in ("2x200", "4x200", "6x200"):
        series = {"queue_depth": value, "errors_total": "0+30x200"}
        assert not any(fires(expr, series) for expr in CONTRADICTIONS)
    assert fires("queue_depth > 3 and queue_depth < 5", {"queue_depth": "4x200"})
    assert fires("queue_depth > 5 and queue_depth offset 5m < 3", {"queue_depth": "1x115 9x80"})
    assert fires(
        "queue_depth > 5 and on () queue_depth < 3", {"queue_depth{a='1'}": "9x200", "queue_depth{a='2'}": "1x200"}
    )


def test_two_bounds_speak_of_the_alert_only_as_its_whole_condition() -> None:
    never = CONTRADICTIONS[0]
    assert "the alert can never fire" in check_expr(never).one(CODE).message
    assert "the alert can never fire" not in check_expr(f"({never}) or up == 0").one(CODE).message
    for use in ("record", "panel"):
        assert "the alert can never fire" not in check_expr(never, use=use).one(CODE).message


def test_two_bounds_of_which_one_is_never_met_or_one_may_come_from_elsewhere() -> None:
    # What is never true by itself is told there, once.
    assert check_expr("up > 5 and up < 0.5", declared()).marked(CODE) == "up > 5"
    assert check_expr("up < 0.5 and up > 5", declared()).marked(CODE) == "up > 5"
    # The other side has a second source.
    assert CODE not in check_expr("(queue_depth > 5 or queue_limit) and queue_depth < 3").codes()
    assert CODE not in check_expr("queue_depth < 3 and (queue_depth > 5 or queue_limit)").codes()


def test_only_the_first_dead_comparison_is_told() -> None:
    assert check_expr("(up > 5) > 7", declared()).marked(CODE) == "up > 5"


def test_inside_of_an_expression_nothing_is_said_of_the_alert() -> None:
    inner = check_expr("(up > 1) or queue_depth > 5", declared())
    assert "the alert can never fire" not in inner.one(CODE).message
    assert "the alert can never fire" in check_expr("up > 1", declared()).one(CODE).message
    assert check_expr("(up >= 0) * 5 > 3", declared()).one(CODE).severity.word == "warning"
    assert check_expr("up >= 0", declared()).one(CODE).severity.word == "error"
    assert check_expr("up >= 0", declared(), use="record").one(CODE).severity.word == "warning"
    assert "nothing is recorded" in check_expr("up > 1", declared(), use="record").one(CODE).message
    assert "nothing to show" in check_expr("up > 1", declared(), use="panel").one(CODE).message


def test_silent_on_numbers_and_on_what_must_always_fire() -> None:
    assert CODE not in check_expr("queue_depth > (2 > bool 1)", declared()).codes()
    assert CODE not in check_expr("vector(1) > 0", declared(), watchdog=True).codes()
    assert CODE in check_expr("vector(1) > 0", declared()).codes()
    assert CODE not in check_expr("up >= 0", declared(), use="panel").codes()
