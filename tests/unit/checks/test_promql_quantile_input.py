"""promql/quantile-input: `histogram_quantile` gets something that is no set of buckets, or a quantile outside of 0 to 1."""

from __future__ import annotations

import pytest

from monitoring_kit.promql.world import Allowed, Series, World
from tests.unit.checks.expr_text import check_built, check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/quantile-input"
BAD = "histogram_quantile(0.9, sum by (method) (rate(http_request_duration_seconds_bucket[5m]))) > 2"
GOOD_EXPR = "histogram_quantile(0.9, sum by (le, method) (rate(http_request_duration_seconds_bucket[5m]))) > 2"
MORE = [
    ("histogram_quantile(95, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 2", "95"),
    (
        "histogram_quantile(0.9, rate(http_request_duration_seconds_count[5m])) > 2",
        "rate(http_request_duration_seconds_count[5m])",
    ),
    (
        "histogram_quantile(0.9, sum(rate(http_request_duration_seconds_bucket[5m]))) > 2",
        "sum(rate(http_request_duration_seconds_bucket[5m]))",
    ),
    ("histogram_quantile(-0.1, rate(http_request_duration_seconds_bucket[5m])) > 2", "-0.1"),
]
SILENT = [
    GOOD_EXPR,
    "histogram_quantile(0.9, rate(http_request_duration_seconds_bucket[5m])) > 2",
    "histogram_quantile(1, sum without (method) (rate(http_request_duration_seconds_bucket[5m]))) > 2",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "sum by (method) (rate(http_request_duration_seconds_bucket[5m]))"
    assert "sum by (le, method) (rate(http_request_duration_seconds_bucket[5m]))" in found.one(CODE).help


@pytest.mark.parametrize(
    ("expr", "caret"), [(BAD, "sum by (method) (rate(http_request_duration_seconds_bucket[5m]))"), *MORE]
)
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {
        f"http_request_duration_seconds_bucket{{method='GET',le='{le}'}}": "0+100x200" for le in ("0.5", "5", "+Inf")
    }
    assert not fires(
        "histogram_quantile(0.9, sum by (method) (rate(http_request_duration_seconds_bucket[5m]))) > 0", series
    )
    assert fires(
        "histogram_quantile(0.9, sum by (le, method) (rate(http_request_duration_seconds_bucket[5m]))) > 0", series
    )
    assert fires("histogram_quantile(95, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 1e300", series)


@pytest.mark.parametrize(
    "expr",
    [
        "quantile_over_time(0.9, queue_depth[5m]) > 1",
        "histogram_quantile(0.9, sum by (job) (up > 5)) > 1",
        "histogram_quantile(0.9, vector(1)) > 1",
        "histogram_quantile(0.9, rate(unknown[5m])) > 1",
    ],
)
def test_silent_on_other_quantiles_and_on_what_is_unknown(expr: str) -> None:
    assert CODE not in check_expr(expr, declared()).codes()


def test_a_native_histogram_has_no_buckets_to_lose() -> None:
    native = Series("lag_seconds", "lag_seconds", "native", labels={"job": Allowed()}, open=False)
    known = World(find=lambda name, owner: [native] if name == "lag_seconds" else [])
    for expr in (
        "histogram_quantile(0.9, lag_seconds) > 1",
        "histogram_quantile(0.9, sum by (job) (rate(lag_seconds[5m]))) > 1",
    ):
        assert CODE not in check_expr(expr, known).codes()


def test_a_catalog_is_no_proof() -> None:
    assert (
        check_expr("histogram_quantile(0.9, sum by (job) (rate(latency_seconds_count[5m]))) > 1")
        .one(CODE)
        .severity.word
        == "warning"
    )
    assert check_expr("histogram_quantile(0.9, queue_depth) > 1", declared()).one(CODE).severity.word == "error"


def test_the_cure_where_no_aggregation_can_be_mended() -> None:
    found = check_expr(
        "histogram_quantile(0.9, sum(rate(http_request_duration_seconds_bucket[5m])) * 2) > 1", declared()
    )
    assert (found.one(CODE).help, found.one(CODE).fix) == ("keep `le` in the aggregation", None)
    assert found.about.text[slice(*found.one(CODE).notes[0][0])] == "sum"
    built = check_built("histogram_quantile(0.9, rate(http_request_duration_seconds_count[5m])) > 1", declared())
    assert built.one(CODE).help == "use `http_request_duration_seconds_bucket`"
