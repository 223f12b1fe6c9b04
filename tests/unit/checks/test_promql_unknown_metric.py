"""promql/unknown-metric: No service exposes the metric and no rule records it."""

from __future__ import annotations

import pytest

from monitoring_kit.promql.world import World
from tests.unit.checks.expr_text import captured, check_expr, declared, recording
from tests.unit.checks.world_text import check_alert

CODE = "promql/unknown-metric"
BAD = "rate(http_request_total[5m]) > 1"
GOOD_EXPR = "rate(http_requests_total[5m]) > 1"
MORE = [
    ("queue_dept > 5", "queue_dept"),
    ("never_heard_of > 5", "never_heard_of"),
]
SILENT = [
    GOOD_EXPR,
    "up == 0",
    "queue_depth > 5",
    "service:traffic:rate5m > 5",
    '{__name__=~"queue_.*"} > 5',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "http_request_total"
    assert "did you mean `rate(http_requests_total[5m]) > 1`?" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "http_request_total"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_a_catalog_knows_only_what_is_nearly_its_own() -> None:
    found = check_expr("queue_dpth > 1")
    assert (found.one(CODE).severity.word, found.one(CODE).help) == ("warning", "did you mean `queue_depth`?")
    # Nothing is known of what other exporters expose: only what reads like a slip is told.
    for other in (
        "something_else",
        "queue_size",
        "disk_free_bytes",
        "http_replies_total",
        "node_md_disks",
        "latency_minutes_sum",
    ):
        assert check_expr(f"{other} > 1").codes() == [], other
    assert CODE in check_expr("rate(http_request_total[5m]) > 1").codes()
    assert CODE not in check_expr("job:depth:su > 1", recording(World(), job__depth__sum="sum(x)")).codes()
    assert (
        "`job:depth:sum`"
        in check_expr("job:depth:su > 1", recording(captured(), job__depth__sum="sum(x)")).one(CODE).help
    )


def test_the_caret_is_on_the_name_or_on_the_whole_selector() -> None:
    assert check_expr('queue_dpth{queue="mail"} > 1', declared()).marked(CODE) == "queue_dpth"
    assert check_expr('{__name__="queue_dpth"} > 1', declared()).marked(CODE) == '{__name__="queue_dpth"}'


def test_what_it_means_and_what_to_do() -> None:
    assert "this alert can never fire" in check_expr("zzz > 1", declared()).one(CODE).message
    assert "there is nothing to show" in check_expr("zzz", declared(), use="panel").one(CODE).message
    assert (
        check_expr("memory_nowhere > 1", declared())
        .one(CODE)
        .help.endswith("or use a signal, e.g. `when: memory > 80%`")
    )
    assert "signal" not in check_expr("zzz_nowhere > 1", declared()).one(CODE).help
    assert "signal" not in check_expr("queue_dpth > 1", declared()).one(CODE).help
