"""promql/quantile-input: `histogram_quantile` gets something that is no set of buckets, or a quantile outside of 0 to 1."""

from __future__ import annotations

import pytest

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
