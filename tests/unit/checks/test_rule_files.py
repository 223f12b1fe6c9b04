"""Checks that only rule files written by hand can meet: order of recording, long intervals, an open world."""

from __future__ import annotations

from typing import Any

from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.checks.finding import Subject
from monitoring_kit.checks.lint import lint
from monitoring_kit.checks.promql.record_order import CHECK
from monitoring_kit.promql import parse
from monitoring_kit.promql.catalog import load_catalog
from monitoring_kit.promql.world import World, lint_world


def rule(use: Any, name: str, text: str, world: World | None = None, **more: Any) -> Subject:
    return subject(use, name, parse(text), world or World(), text, **more)


def codes(about: Subject) -> list[str]:
    return [f.code for f in findings(about)]


def test_a_series_is_read_before_it_is_recorded() -> None:
    late = [rule("alert", "A", "job:x:sum > 1", group="g"), rule("record", "job:x:sum", "sum by (job) (x)", group="g")]
    assert [(about.name, f.code) for about, f in CHECK.run(late)] == [("A", "promql/record-order")]
    assert list(CHECK.run(late[::-1])) == []
    late[1].group = "other"
    assert list(CHECK.run(late)) == []


def test_an_interval_beyond_the_lookback() -> None:
    long = rule("record", "job:x:sum", "sum by (job) (x)", interval_ms=600_000)
    assert codes(long) == ["alerts/long-interval"]
    assert codes(rule("record", "job:x:sum", "sum by (job) (x)", interval_ms=300_000)) == []
    assert codes(rule("alert", "A", "x > 1", interval_ms=600_000, keep_ms=600_000)) == []


def test_nothing_is_known_and_nothing_is_said_that_is_not_proven() -> None:
    for text in (
        "some_metric > 5",
        "rate(x[15s]) > 1",
        'rate(x{a="b"}[5m]) / y > 1',
        "sum by (job) (x) / sum by (job) (y) > 0.5",
    ):
        assert codes(rule("alert", "A", text, for_ms=60_000)) == [], text


def test_what_the_expression_alone_proves_is_said() -> None:
    assert codes(rule("alert", "A", "count(x) == 0")) == ["promql/constant-comparison"]
    assert codes(rule("alert", "A", "sum by (job, code) (x{job='a', code='5'}) / sum by (job) (y{job='a'}) > 1")) == [
        "promql/never-matches"
    ]
    assert codes(rule("alert", "A", "sum(x) > 1", annotations={"s": "{{ $labels.job }}"})) == ["labels/template-label"]
    # Whatever stands in by() is only possible: the division may match.
    assert codes(rule("alert", "A", "sum by (job, code) (x) / sum by (job) (y) > 1")) == []


def test_catalogs_sharpen_the_checks_without_an_error_on_what_they_do_not_know() -> None:
    world = lint_world([load_catalog("node_exporter")])
    found = findings(rule("alert", "A", "rate(node_memory_MemFree_bytes[5m]) > 1", world))
    assert [(f.code, f.severity.word) for f in found] == [("promql/rate-on-gauge", "warning")]
    assert codes(rule("alert", "A", "node_load1 > 5", world)) == []
    assert codes(rule("alert", "A", "my_own_metric > 5", world)) == []


def test_lint_runs_the_checks_of_one_rule_and_of_all() -> None:
    rules = [
        rule("alert", "A", "job:x:sum > bool 1", group="g"),
        rule("record", "job:x:sum", "sum by (job) (x)", group="g"),
    ]
    assert [(about.name, f.code) for about, f in lint(rules)] == [
        ("A", "alerts/no-condition"),
        ("A", "promql/record-order"),
    ]
