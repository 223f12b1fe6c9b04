"""promql/histogram-base: A classic histogram (or a summary without quantiles) has no series of its own name."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/histogram-base"
BAD = "http_request_duration_seconds > 2"
GOOD_EXPR = "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m]))) > 2"
MORE = [
    ("rate(http_request_duration_seconds[5m]) > 2", "http_request_duration_seconds"),
    ("avg by (method) (http_request_duration_seconds) > 1", "http_request_duration_seconds"),
]
SILENT = [
    GOOD_EXPR,
    "rate(http_request_duration_seconds_count[5m]) > 2",
    "rate(http_request_duration_seconds_sum[5m]) > 2",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "http_request_duration_seconds"
    assert (
        "histogram_quantile(0.95, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m]))) > 2"
        in found.one(CODE).help
    )


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "http_request_duration_seconds"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {f"http_request_duration_seconds_{s}{{job='shop'}}": "0+100x200" for s in ("sum", "count")}
    assert not fires("http_request_duration_seconds > 0", series)
    assert fires("rate(http_request_duration_seconds_count[5m]) > 0", series)


def test_a_catalog_is_no_proof() -> None:
    assert check_expr("latency_seconds > 1").one(CODE).severity.word == "warning"
    assert check_alert("http_request_duration_seconds > 1").one(CODE).severity.word == "error"


@pytest.mark.parametrize(
    ("expr", "help_"),
    [
        ("max(latency_seconds) > 1", "for the 95th percentile, write `max(histogram_quantile(0.95, sum by (le, job) (rate(latency_seconds_bucket[5m])))) > 1`"),
        (
            "avg by (method) (latency_seconds) > 1",
            "for the mean, write `sum by (method) (rate(latency_seconds_sum[5m])) / sum by (method) (rate(latency_seconds_count[5m])) > 1`",
        ),
        ("rpc_seconds > 1", "for the mean, write `sum(rate(rpc_seconds_sum[5m])) / sum(rate(rpc_seconds_count[5m])) > 1`"),
        ("max(rpc_seconds) > 1", "for the mean, write `sum(rate(rpc_seconds_sum[5m])) / sum(rate(rpc_seconds_count[5m])) > 1`"),
        ("histogram_quantile(0.9, rate(latency_seconds[5m])) > 1", "write `histogram_quantile(0.9, rate(latency_seconds_bucket[5m])) > 1`"),
        ("sum by (le) (rate(latency_seconds[5m])) > 1", "write `sum by (le) (rate(latency_seconds_bucket[5m])) > 1`"),
        ("rate(latency_seconds[5m]) > 1", "write `rate(latency_seconds_count[5m]) > 1`"),
    ],
)  # fmt: skip
def test_the_cure_fits_what_was_meant(expr: str, help_: str) -> None:
    assert check_expr(expr).one(CODE).help == help_
