"""prometheus_client collectors beside ours."""

from __future__ import annotations

from typing import Any

import pytest
from monitoring_kit.exporters.runtime import Deadline, Registry
from monitoring_kit.exporters.runtime.foreign import escape_name
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_om
from prometheus_client.parser import text_string_to_metric_families as parse_text

from .independent import decode


def client_registry() -> CollectorRegistry:
    theirs = CollectorRegistry()
    Counter("c", "A counter", ["x"], registry=theirs).labels('q"\\\n').inc(3, {"trace_id": "t"})
    Gauge("g_bytes", "A gauge", unit="bytes", registry=theirs).set(1.5)
    Histogram("h", "A histogram", ["x"], buckets=(1, 2), registry=theirs).labels("a").observe(1.5)
    summary = Summary("s", "A summary", registry=theirs)
    summary.observe(4)
    Info("i", "An info", registry=theirs).info({"version": "1"})
    Enum("e", "A state", states=["on", "off"], registry=theirs).state("off")
    return theirs


class Yields:
    def __init__(self, *metrics: Any) -> None:
        self.metrics = metrics

    def collect(self) -> Any:
        return self.metrics


def samples(parsed: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (s.name, frozenset(s.labels.items())): float(s.value)
        for family in parsed
        for s in family.samples
        if not s.name.startswith(("unit_", "process_")) and not s.name.endswith("_created")
    }


@pytest.mark.parametrize(("form", "parser"), [("text", parse_text), ("openmetrics", parse_om)])
def test_everything_the_client_has_comes_through(registry: Registry, form: str, parser: Any) -> None:
    theirs = client_registry()
    registry.mount(theirs)
    got = samples(parser(registry.gather(Deadline.after(5)).render(form).decode()))
    assert got == samples(theirs.collect())
    assert registry.value("unit_collector_success", {"collector": "mounted"}) == 1


def test_protobuf_has_the_same_values(registry: Registry) -> None:
    registry.mount(client_registry())
    found = {f.name: f for f in decode(registry.gather(Deadline.after(5)).render("protobuf"))}
    assert (found["c_total"].type, found["c_total"].metrics[0].value) == (0, 3)
    assert found["c_total"].metrics[0].labels == (("x", 'q"\\\n'),)
    assert found["c_total"].metrics[0].exemplars == 1
    assert (found["g_bytes"].type, found["g_bytes"].metrics[0].value) == (1, 1.5)
    [metric] = found["h"].metrics
    assert (metric.buckets, metric.count, metric.sum) == ([(1.0, 0), (2.0, 1), (float("inf"), 1)], 1, 1.5)
    assert (found["s"].type, found["s"].metrics[0].value) == (2, 1)  # field 1: sample_count
    assert found["i_info"].metrics[0].labels == (("version", "1"),)
    assert sorted(m.value for m in found["e"].metrics) == [0, 1]


def test_created_series_do_not_double_the_counters_of_the_text_format(registry: Registry) -> None:
    registry.mount(client_registry())
    assert "_created" not in registry.gather(Deadline.after(5)).render("text").decode()


def duplicate() -> GaugeMetricFamily:
    family = GaugeMetricFamily("dup", "x")
    family.add_metric([], 1)
    family.add_metric([], 2)
    return family


@pytest.mark.parametrize(
    "bad",
    [
        [GaugeMetricFamily("mine", "x", value=1)],
        [GaugeMetricFamily("twice", "x", value=1), GaugeMetricFamily("twice", "x", value=2)],
        [GaugeMetricFamily("process_cpu_seconds", "x", value=1)],
        [duplicate()],
    ],
)
def test_what_would_spoil_the_exposition_is_refused_and_the_rest_stands(registry: Registry, bad: Any) -> None:
    registry.declare({"name": "mine", "type": "gauge", "help": "x"}).set(7)
    registry.mount(Yields(*bad), name="app")
    registry.mount(Yields(GaugeMetricFamily("good", "x", value=1)), name="other")
    got = registry.gather(Deadline.after(5))
    assert got.failures == {"app": "invalid_rows"}
    values = samples(parse_text(got.render("text").decode()))
    assert values == {("mine", frozenset()): 7, ("good", frozenset()): 1}


def test_a_raising_collector_fails_alone(registry: Registry) -> None:
    class Raises:
        def collect(self) -> Any:
            raise RuntimeError("secret")

    registry.declare({"name": "mine", "type": "gauge", "help": "x"}).set(7)
    registry.mount(Raises())
    got = registry.gather(Deadline.after(5))
    assert got.failures == {"mounted": "exception"}
    assert b"mine 7" in got.render("text")


def test_gauge_histograms(registry: Registry) -> None:
    family = GaugeHistogramMetricFamily("gh", "x", buckets=[("1.0", 2), ("+Inf", 3)], gsum_value=4)
    registry.mount(Yields(family))
    got = registry.gather(Deadline.after(5))
    assert b"# TYPE gh histogram\n" in got.render("text")
    [found] = [f for f in decode(got.render("protobuf")) if f.name == "gh"]
    assert (found.type, found.metrics[0].count, found.metrics[0].sum) == (5, 3, 4.0)


@pytest.mark.parametrize(
    ("scheme", "want"),
    [
        ("allow-utf-8", "a.b_c é"),
        ("underscores", "a_b_c__"),
        ("dots", "a_dot_b__c____"),
        ("values", "U__a_2e_b__c_20__e9_"),
    ],
)
def test_escaping_schemes(scheme: str, want: str) -> None:
    assert escape_name("a.b_c é", scheme) == want


def test_utf8_names_are_escaped_or_quoted(registry: Registry) -> None:
    registry.mount(Yields(GaugeMetricFamily("http.requests", "x", value=1)))
    got = registry.gather(Deadline.after(5))
    assert b'\n{"http.requests"} 1.0\n' in got.render("openmetrics", "allow-utf-8")
    assert b"\nhttp_requests 1.0\n" in got.render("text", "underscores")
    assert b"\nU__http_2e_requests 1.0\n" in got.render("text", "values")
