"""promql/raw-buckets: `histogram_quantile` of buckets without a rate."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/raw-buckets"
BAD = "histogram_quantile(0.9, http_request_duration_seconds_bucket) > 2"
GOOD_EXPR = "histogram_quantile(0.9, rate(http_request_duration_seconds_bucket[5m])) > 2"
MORE = [
    (
        "histogram_quantile(0.9, sum by (le) (http_request_duration_seconds_bucket)) > 2",
        "sum by (le) (http_request_duration_seconds_bucket)",
    ),
]
SILENT = [
    GOOD_EXPR,
    "histogram_quantile(0.9, sum by (le) (increase(http_request_duration_seconds_bucket[5m]))) > 2",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "http_request_duration_seconds_bucket"
    assert "rate(http_request_duration_seconds_bucket[5m])" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "http_request_duration_seconds_bucket"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
