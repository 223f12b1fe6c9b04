"""Declarations: what is refused, and that the message names the metric and the field."""

from __future__ import annotations

from typing import Any

import pytest
from monitoring_kit.exporters.runtime import MetricSpec, NativeSpec, Registry, SpecError

GOOD: dict[str, Any] = {"name": "jobs_total", "type": "counter", "help": "Jobs."}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "jobs"}, "must end in _total"),
        ({"name": "_total"}, "must end in _total"),
        ({"name": "job:s_total"}, "no colon"),
        ({"name": "1jobs_total"}, "is not a metric name"),
        ({"name": "jobs_total", "type": "gauge"}, "must not end in _total"),
        ({"name": "x_count", "type": "gauge"}, "must not end in _count"),
        ({"name": "x_bucket", "type": "histogram"}, "must not end in _bucket"),
        ({"name": "x", "type": "info"}, "must end in _info"),
        ({"type": "summary"}, "type 'summary' is unknown"),
        ({"help": ""}, "help is missing"),
        ({"help": "  "}, "help is empty"),
        ({"unit": "seconds"}, "unit 'seconds' must end the name (jobs_seconds)"),
        ({"lables": []}, "unknown key 'lables'"),
        ({"labels": ["le"]}, "label 'le' is reserved"),
        ({"labels": ["__x"]}, "label '__x' is reserved"),
        ({"labels": ["a-b"]}, "label 'a-b' is not a label name"),
        ({"labels": ["a", "a"]}, "declared twice"),
        ({"labels": "a"}, "expected a list or a mapping"),
        ({"labels": {"a": {"alow": []}}}, "unknown key 'alow'"),
        ({"labels": {"a": {"pattern": "("}}}, "label 'a': pattern"),
        ({"labels": {"a": {"max": 0}}}, "max must be at least 1"),
        ({"buckets": [1]}, "belong to histograms"),
        ({"max_series": 0}, "max_series must be at least 1"),
        ({"collapse": "avg"}, "collapse 'avg' is unknown"),
        ({"valid": [2, 1]}, "low <= high"),
    ],
)
def test_wrong_declarations_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError) as caught:
        MetricSpec.parse({**GOOD, **change})
    assert says in str(caught.value)
    assert repr(str(change.get("name", "jobs_total"))) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"buckets": [1, 1]}, "rise strictly"),
        ({"buckets": [2, 1]}, "rise strictly"),
        ({"buckets": [float("nan")]}, "finite"),
        ({"buckets": []}, "needs buckets, native, or both"),
        ({"native": {"schema": 9}}, "schema must be -4..8"),
        ({"native": {"max_buckets": 1}}, "max_buckets at least 4"),
        ({"native": {"scheme": 1}}, "unknown key 'scheme'"),
    ],
)
def test_wrong_histograms_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match="x_seconds") as caught:
        MetricSpec.parse({"name": "x_seconds", "type": "histogram", "help": "x", **change})
    assert says in str(caught.value)


def test_a_histogram_gets_the_default_buckets_unless_it_is_native() -> None:
    plain = MetricSpec.parse({"name": "x_seconds", "type": "histogram", "help": "x"})
    native = MetricSpec.parse({"name": "x_seconds", "type": "histogram", "help": "x", "native": True})
    both = MetricSpec.parse(
        {"name": "x_seconds", "type": "histogram", "help": "x", "native": {"schema": 5}, "buckets": [1, float("inf")]}
    )
    assert len(plain.buckets) == 11
    assert plain.native is None
    assert native.buckets == ()
    assert native.native == NativeSpec()
    assert both.buckets == (1.0,)
    assert both.native == NativeSpec(schema=5)
    assert (plain.series_per_set, native.series_per_set) == (14, 1)


def test_names_that_are_one_family_in_openmetrics_clash() -> None:
    registry = Registry("unit")
    registry.declare({"name": "jobs_total", "type": "counter", "help": "Jobs."})
    with pytest.raises(SpecError, match="declared twice"):
        registry.declare({"name": "jobs_total", "type": "counter", "help": "Jobs."})
    with pytest.raises(SpecError, match="declared twice"):
        registry.declare({"name": "jobs", "type": "gauge", "help": "Jobs."})
    with pytest.raises(SpecError, match="declared twice"):
        registry.declare({"name": "jobs_info", "type": "info", "help": "Jobs."})


@pytest.mark.parametrize("name", ["unit_collector_success", "process_resident_memory_bytes", "unit_series"])
def test_self_metrics_cannot_be_declared(name: str) -> None:
    with pytest.raises(SpecError, match="declared twice"):
        Registry("unit").declare({"name": name, "type": "gauge", "help": "x"})
