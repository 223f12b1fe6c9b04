"""promql/histogram-base: A classic histogram (or a summary without quantiles) has no series of its own name."""

from __future__ import annotations

import pytest

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
