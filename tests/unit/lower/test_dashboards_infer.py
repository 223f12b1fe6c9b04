"""Units of queries."""

from __future__ import annotations

import pytest

from monitoring_kit.lower.dashboards.infer import Units
from monitoring_kit.lower.dashboards.library import is_unit, library, unit_ids
from monitoring_kit.promql import parse
from monitoring_kit.resolve.registry import MetricInfo, Registry

DECLARED = {
    "temperature": MetricInfo("temperature", "gauge", "", "celsius", {}),
    "revenue": MetricInfo("revenue", "gauge", "", "currency", {}),
    "share": MetricInfo("share", "gauge", "", "ratio", {}),
    "wait_sum": MetricInfo("wait", "histogram", "", "seconds", {}),
    "wait_count": MetricInfo("wait", "histogram", "", "seconds", {}),
    "wait_bucket": MetricInfo("wait", "histogram", "", "seconds", {}),
}
UNITS = Units(Registry({}, DECLARED), {"service:traffic:rate5m": "reqps"})


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("temperature", "celsius"),
        ("max by (room) (temperature)", "celsius"),
        ("avg_over_time(temperature[5m])", "celsius"),
        ("revenue", "locale"),
        ("share", "percentunit"),
        ("share * 100", "percent"),
        ("100 * share", "percent"),
        ("1 - share", "percentunit"),
        ("node_memory_MemFree_bytes", "bytes"),
        ("node_memory_MemFree_bytes / node_memory_MemTotal_bytes", "percentunit"),
        ("rate(node_network_receive_bytes_total[5m])", "Bps"),
        ("increase(node_network_receive_bytes_total[5m])", "bytes"),
        ("rate(process_cpu_seconds_total[5m])", "percentunit"),
        ("sum(rate(http_requests_total[5m]))", "reqps"),
        ("sum(rate(jobs_done_total[5m]))", "ops"),
        ("sum(rate(a_requests_total[5m])) / sum(rate(b_requests_total[5m]))", "percentunit"),
        ("rate(wait_sum[5m]) / rate(wait_count[5m])", "s"),
        ("histogram_quantile(0.9, sum by (le) (rate(wait_bucket[5m])))", "s"),
        ("histogram_quantile(0.9, sum by (le) (rate(other_duration_seconds_bucket[5m])))", "s"),
        ("rate(wait_count[5m])", "ops"),
        ("time() - process_start_time_seconds", "s"),
        ("count(temperature)", "short"),
        ("count_over_time(temperature[5m])", "short"),
        ("temperature > 30", "celsius"),
        ("temperature or vector(0)", "celsius"),
        ("topk(3, temperature)", "celsius"),
        ("max_over_time(rate(http_requests_total[1m])[10m:])", "reqps"),
        ("service:traffic:rate5m", "reqps"),
        ("users", "short"),
        ("42", "short"),
        ("-temperature", "celsius"),
        ("temperature % 5", "celsius"),
    ],
)
def test_units_of_queries(query: str, unit: str) -> None:
    assert UNITS.of(parse(query)) == unit


def test_the_table_is_grafanas() -> None:
    assert len(unit_ids()) == 273
    assert {"percentunit", "reqps", "Bps", "s", "none", "short"} <= unit_ids()


@pytest.mark.parametrize(
    ("unit", "known"), [("s", True), ("suffix:cameras", True), ("currency:€", True), ("requests", False), ("", False)]
)
def test_known_units(unit: str, known: bool) -> None:
    assert is_unit(unit) is known


def test_the_library_names_only_units_that_grafana_knows() -> None:
    tables = library()["units"]
    named = {*tables["zero_based"]}
    for table in ("declared", "suffix", "per_second", "rate_words"):
        named |= set(tables[table].values())
    assert named <= unit_ids()
