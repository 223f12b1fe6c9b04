"""What a recording rule writes: the inferred facts of its expression with its own labels on top."""

from __future__ import annotations

from dataclasses import replace

from monitoring_kit.promql import parse
from monitoring_kit.promql.world import Recorded, World
from tests.unit.promql.inferred import inferred, world


def recording(*rules: Recorded) -> World:
    known = world()
    records: dict[str, list[Recorded]] = {}
    for rule in rules:
        records.setdefault(rule.name, []).append(rule)
    return replace(known, records=records, _cache={})


def record(expr: str, name: str = "x:y", **more: object) -> Recorded:
    return Recorded(name, parse(expr), **{"labels": {}, **more})  # type: ignore[arg-type]


def test_labels_kind_unit_and_bounds_of_the_expression() -> None:
    known = recording(record("sum by (method) (rate(http_requests_total[5m]))"))
    assert inferred("x:y", known) == "{method!} rate events/s [0, inf] of x:y"
    known = recording(record("sum(http_requests_total)"))
    assert inferred("x:y", known) == "{} summed events [0, inf] of x:y"
    known = recording(record("up"))
    assert inferred("x:y", known) == "{job! instance! service!} gauge {0 1} [0, 1] of x:y"


def test_a_recorded_rate_of_buckets_is_no_bucket() -> None:
    """A rate of it would be one of a rate; its own `le` still makes a quantile."""
    known = recording(record("sum by (le) (rate(http_request_duration_seconds_bucket[5m]))"))
    assert inferred("x:y", known) == "{le!} rate events/s [0, inf] of x:y"


def test_labels_of_the_rule_replace_those_of_the_expression() -> None:
    known = recording(record("sum by (method, job) (queue_depth)", labels={"job": "all", "tier": "1"}))
    assert inferred("x:y", known) == '{job="all"! tier="1"!} gauge of x:y'


def test_a_label_of_an_unknown_metric_stays_possible() -> None:
    assert inferred("x:y", recording(record("sum by (a) (unknown_metric)"))) == "{a} of x:y"
    assert inferred("x:y", recording(record("unknown_metric"))) == "{…} of x:y"
    assert inferred("x:y", recording(record('unknown_metric{a="1"}'))) == '{a="1"! …} of x:y'


def test_the_unit_that_the_author_gives_wins() -> None:
    assert inferred("x:y", recording(record("sum(disk_used_bytes)", unit="seconds"))) == "{} gauge seconds of x:y"


def test_the_service_that_the_rule_is_of() -> None:
    known = recording(record("sum by (service) (up)", service="shop"))
    assert inferred("x:y", known) == '{service="shop"!} gauge [0, inf] of x:y'
    assert inferred("x:y", recording(record("sum(up)", service="shop"))) == "{} gauge [0, inf] of x:y"


def test_only_what_all_branches_have_is_guaranteed() -> None:
    known = recording(record("sum by (job) (up) or sum by (service) (up)"))
    assert inferred("x:y", known) == "{job service} gauge [0, inf] of x:y"
    known = recording(record("sum by (job) (up > 5) or sum by (service) (up)"))
    assert inferred("x:y", known) == "{service!} gauge [0, inf] of x:y"


def test_a_rule_that_never_records_anything_proves_nothing() -> None:
    assert inferred("x:y", recording(record("up > 5"))) == "{…} of x:y"


def test_what_the_author_declared_stays_declared() -> None:
    for expr, declared in (("sum(queue_depth)", True), ("count(queue_depth)", False), ("unknown_metric", False)):
        series = recording(record(expr)).series("x:y")
        assert series is not None
        assert series.declared is declared, expr


def test_a_rule_may_read_its_own_record() -> None:
    assert inferred("x:y", recording(record("max_over_time(x:y[1h]) or up"))) == "{job instance service …} of x:y"


def test_rules_of_several_services_make_one_series() -> None:
    known = recording(
        record("sum by (service) (up)", service="shop", shape="s", labels={"kind": "a"}),
        record("sum by (service) (up)", service="till", shape="s", labels={"kind": "b"}),
    )
    assert inferred("x:y", known) == "{service! kind!} gauge [0, inf] of x:y"
    series = known.series("x:y")
    assert series is not None
    assert {name: allowed.values for name, allowed in series.labels.items()} == {
        "service": ("shop", "till"), "kind": ("a", "b"),
    }  # fmt: skip
    assert inferred('x:y{service="till"}', known) == '{service="till"! kind="b"!} gauge [0, inf] of x:y'
