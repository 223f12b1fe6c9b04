"""promql/many-matches: A join that fails as soon as one side has two series for one of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.promql import parse
from monitoring_kit.promql.world import Allowed, Series, World
from tests.unit.checks.expr_text import captured, check_expr, declared, recording
from tests.unit.checks.world_text import check_alert

CODE = "promql/many-matches"
BAD = "rate(http_requests_total[5m]) / on (job) queue_depth > 1"
GOOD_EXPR = "sum by (job) (rate(http_requests_total[5m])) / on (job) sum by (job) (queue_depth) > 1"
MORE = [
    ("queue_depth * on (job) group_left build_info > 1", "build_info"),
]
SILENT = [
    GOOD_EXPR,
    "queue_depth * on (job, instance) group_left max by (job, instance) (build_info) > 1",
    "sum(rate(errors_total[5m])) / on () sum(rate(http_requests_total[5m])) > 1",
    # A label that is handed over is meant to be one for each group (the form of the joins with node_uname_info).
    '(queue_depth > 5) * on (instance) group_left (version) max by (instance, version) (build_info{version=~".+"}) > 1',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "rate(http_requests_total[5m])"
    assert "aggregate" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "rate(http_requests_total[5m])"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_silent_where_labels_are_unknown() -> None:
    assert CODE not in check_expr("unknown / on (job) other > 1").codes()
    assert CODE not in check_expr('unknown{a!=""} / on (job) other{a!=""} > 1').codes()


@pytest.mark.parametrize(
    "expr",
    [
        # Without a metric of one's own, but with labels that are known to be all.
        "count by (job, instance) (up) / on (job) count by (job) (up) > 1",
        "count by (job, instance) (up) / ignoring (instance) count by (job) (up) > 1",
    ],
)
def test_found_on_computed_values(expr: str) -> None:
    assert "`instance`" in check_expr(expr, declared()).one(CODE).message


def test_a_label_with_one_value_tells_no_series_apart() -> None:
    """`service` of a service's own metric is that service."""
    assert (
        CODE
        not in check_expr(
            "sum by (job, service) (queue_depth) / on (job) sum by (job) (queue_depth) > 1", declared()
        ).codes()
    )
    assert (
        CODE
        not in check_expr(
            "sum by (instance, service) (queue_depth) / on (instance) sum by (instance) (up) > 1", declared()
        ).codes()
    )
    series = Series(
        "x",
        "x",
        "gauge",
        labels={"job": Allowed(), "team": Allowed(max=1)},
        sure=frozenset(("job", "team")),
        open=False,
    )
    for allowed, found in ((Allowed(max=1), False), (Allowed(max=2), True), (Allowed(), True)):
        other = replace(series, labels={"job": Allowed(), "team": allowed})
        known = World(find=lambda name, owner, other=other: [other])  # type: ignore[misc]
        assert (CODE in check_expr("x / on (job) sum by (job) (y) > 1", known).codes()) is found
    known = recording(declared(), job__depth="sum by (job, queue) (queue_depth)")
    assert "`queue`" in check_expr("job:depth / on (job) sum by (job) (up) > 1", known).one(CODE).message
    assert CODE not in check_expr('job:depth{queue="mail"} / on (job) sum by (job) (up) > 1', known).codes()
    assert captured().series("queue_depth") is not None


OBJECTIVE = ("service", "slo", "definition", "period")
SLOS = {
    "slo:error_budget:ratio": Series("slo:error_budget:ratio", "slo:error_budget:ratio", "gauge", labels={n: Allowed() for n in OBJECTIVE}, sure=frozenset(OBJECTIVE)),
    "slo:sli_error:ratio_rate1h": Series("slo:sli_error:ratio_rate1h", "slo:sli_error:ratio_rate1h", "gauge", labels={n: Allowed() for n in OBJECTIVE[:3]}, sure=frozenset(OBJECTIVE[:3])),
}  # fmt: skip


@pytest.mark.parametrize(
    ("on", "generated", "label"),
    [
        ("service, slo, definition", True, None),  # one objective, whose period follows
        ("service, slo, definition", False, "period"),  # nobody else has said so
        ("service, slo", True, "definition"),
        ("service, definition", True, "period"),
    ],
)
def test_the_joins_of_objectives_are_checked_but_for_their_period(on: str, generated: bool, label: str | None) -> None:
    world = World(find=lambda name, _: [SLOS[name]] if name in SLOS else [])
    text = f"slo:sli_error:ratio_rate1h / on ({on}) group_left () slo:error_budget:ratio"
    about = subject("record", "slo:current_burn_rate:ratio", parse(text), world, text, generated=generated)
    told = [f.message for f in findings(about) if f.code == CODE]
    assert [f"`{label}`" in message for message in told] == ([True] if label else [])
