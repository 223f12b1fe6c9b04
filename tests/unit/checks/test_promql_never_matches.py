"""promql/never-matches: The two sides of an operator can never match each other."""

from __future__ import annotations

import re

import pytest

from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/never-matches"
BAD = "sum by (job, status) (rate(http_requests_total[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.1"
GOOD_EXPR = "sum by (job, status) (rate(http_requests_total[5m])) / ignoring (status) group_left sum by (job) (rate(http_requests_total[5m])) > 0.1"
MORE = [
    ('rate(http_requests_total{status="500"}[5m]) / rate(http_requests_total{status="200"}[5m]) > 1', "/"),
    ("queue_depth > 5 and on (queue) sum by (job) (up)", "and"),
]
SILENT = [
    GOOD_EXPR,
    "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(http_requests_total[5m])) > 0.1",
    "queue_depth > 5 and on (job) up == 1",
    "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 0.1",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "/"
    assert found.one(CODE).help == f"if the labels that differ do not matter, write `{GOOD_EXPR}`"


# A broken expression, and the matching that must stand in the suggested one: it has to return something on real series.
CURES = [
    (BAD, "/ ignoring (status) group_left sum"),
    ("sum by (job) (up) / queue_depth > 0", "/ ignoring (instance, service, queue) group_right queue_depth"),
    ("sum by (job) (up) * ignoring (queue) group_right queue_depth > 1", "ignoring (queue, instance, service) group_right queue_depth"),
    ("sum by (job) (up) * ignoring (queue) group_right () queue_depth > 1", "ignoring (queue, instance, service) group_right queue_depth"),
    (MORE[0][0], "/ ignoring (status) rate"),
    ('rate(http_requests_total{status="500"}[5m]) / ignoring (method) rate(http_requests_total{status="200"}[5m]) > 1', "/ ignoring (method, status) rate"),
    ("up and sum by (team) (up)", "and ignoring (job, instance, service) sum"),
    ("sum by (job, queue) (queue_depth) > bool sum by (job) (up)", "> bool ignoring (queue) group_left sum"),
    (
        "sum by (job, queue) (queue_depth) * ignoring (instance) group_left (version) max by (job, version) (build_info) > 1",
        "ignoring (instance, queue, version) group_left (version) max",
    ),
]  # fmt: skip
SERIES = {
    "http_requests_total{job='shop',service='shop',instance='a',method='GET',status='500'}": "0+100x200",
    "http_requests_total{job='shop',service='shop',instance='a',method='GET',status='200'}": "0+1x200",
    "queue_depth{job='shop',service='shop',instance='a',queue='mail'}": "10x200",
    "up{job='shop',service='shop',instance='a'}": "1x200",
    "build_info{job='shop',service='shop',instance='a',version='7'}": "1x200",
}


@needs_promtool
@pytest.mark.parametrize(("expr", "matching"), CURES)
def test_the_suggested_expression_matches(expr: str, matching: str) -> None:
    suggested = re.fullmatch(r"if the labels that differ do not matter, write `(.*)`", check_alert(expr).one(CODE).help)
    assert suggested is not None
    assert matching in suggested[1]
    assert CODE not in check_alert(suggested[1]).codes()
    assert not fires(expr, SERIES)
    assert fires(suggested[1], SERIES)


@pytest.mark.parametrize(
    "expr",
    [
        "sum by (job) (up) / sum by (queue) (queue_depth) > 1",
        "sum by (job) (up) * ignoring (job) group_left sum by (queue, instance) (queue_depth) > 1",
        "sum by (job, queue) (queue_depth) * ignoring (queue) group_right sum by (instance) (up) > 1",
    ],
)
def test_no_matching_is_suggested_where_none_helps(expr: str) -> None:
    """Both sides have labels of their own: whatever is ignored, one group then has several series on either side."""
    assert check_alert(expr).one(CODE).help == "aggregate both sides to the labels that they share"


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "/"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {
        "http_requests_total{job='shop',status='500'}": "0+100x200",
        "http_requests_total{job='shop',status='200'}": "0+1x200",
    }
    for expr, _ in [(BAD, ""), *MORE]:
        assert not fires(expr, {**series, "queue_depth{job='shop',queue='mail'}": "10x200", "up{job='shop'}": "1x200"})
    assert fires(GOOD_EXPR, series)
