"""Catalogs: capture, merge, round trip, and what the shipped ones hold."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_kit.live.catalog import capture
from monitoring_kit.promql.catalog import (
    Catalog,
    CatalogError,
    Metric,
    dump_catalog,
    load_catalog,
    merge,
    parse_catalog,
    shipped_catalogs,
    unit_of,
)
from monitoring_kit.stack.recipes import without_pushed

TEXT = """\
# HELP http_requests_total  Requests
#   received.
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} 5
http_requests_total{code="500",method="get"} 1
# TYPE wait_seconds histogram
wait_seconds_bucket{route="/",le="0.1"} 1
wait_seconds_bucket{route="/",le="2.5"} 1
wait_seconds_bucket{route="/",le="+Inf"} 1
wait_seconds_sum{route="/"} 1
wait_seconds_count{route="/"} 1
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.99"} 1
rpc_seconds_sum 1
rpc_seconds_count 1
# HELP start_time_seconds Start time since unix epoch in seconds.
# TYPE start_time_seconds gauge
start_time_seconds 1
mystery{mode="x"} 1
"""


def test_the_shape_of_each_metric_is_captured() -> None:
    metrics = capture(TEXT, closed=["http_*:method", "mode"]).metrics
    assert metrics["http_requests_total"] == Metric(
        "http_requests_total", "counter", "Requests", "", ("code", "method"), {"method": ("get",)}
    )
    assert metrics["wait_seconds"] == Metric("wait_seconds", "histogram", "", "seconds", ("route",), {}, (0.1, 2.5))
    assert metrics["wait_seconds"].series_names() == ("wait_seconds_bucket", "wait_seconds_sum", "wait_seconds_count")
    assert metrics["rpc_seconds"].quantiles == (0.99,)
    assert metrics["rpc_seconds"].labels == ()
    assert metrics["rpc_seconds"].series_names() == ("rpc_seconds", "rpc_seconds_sum", "rpc_seconds_count")
    assert metrics["start_time_seconds"].unit == "timestamp"
    assert metrics["mystery"] == Metric("mystery", "unknown", labels=("mode",), values={"mode": ("x",)})


def test_openmetrics_counters_get_the_name_that_promql_uses() -> None:
    text = "# TYPE jobs counter\n# UNIT jobs jobs\njobs_total 1\njobs_created 1\n# TYPE up gauge\nup 1\n# EOF\n"
    assert set(capture(text).metrics) == {"jobs_total", "up"}


def test_a_gauge_may_be_called_created() -> None:
    text = '# TYPE kube_pod_created gauge\nkube_pod_created{pod="a"} 1\n'
    assert capture(text).metrics["kube_pod_created"].labels == ("pod",)


def test_labels_are_open_unless_declared_closed() -> None:
    metrics = capture(TEXT, closed=["other:code", "wait_seconds:route"]).metrics
    assert metrics["http_requests_total"].values == {}
    assert metrics["wait_seconds"].values == {"route": ("/",)}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a_seconds_total", "seconds"),
        ("a_timestamp_seconds", "timestamp"),
        ("a_bytes", "bytes"),
        ("a_ratio", "ratio"),
        ("seconds", ""),
        ("a_total", ""),
    ],
)
def test_the_unit_is_the_names_suffix(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_a_merge_is_the_union() -> None:
    first = capture('# TYPE a gauge\na{x="1"} 1\n', "e", "1", "how", closed=["x"])
    second = capture('# HELP a Help.\n# TYPE a gauge\na{x="2",y="1"} 1\nb 1\n', closed=["x"])
    merged = merge(first, second)
    assert (merged.exporter, merged.version, merged.captured) == ("e", "1", "how")
    assert merged.metrics["a"] == Metric("a", "gauge", "Help.", "", ("x", "y"), {"x": ("1", "2")})
    assert list(merged.metrics) == ["a", "b"]


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,10}", fullmatch=True)
sorted_names = st.lists(names, unique=True, max_size=3).map(sorted).map(tuple)
bounds = st.lists(st.floats(0, 1e9), unique=True, max_size=4).map(sorted).map(tuple)
metric_strategy = st.builds(
    Metric,
    name=names,
    type=st.sampled_from(["counter", "gauge", "histogram", "summary", "unknown"]),
    help=words,
    unit=st.sampled_from(["", "seconds", "bytes"]),
    labels=sorted_names,
    values=st.dictionaries(names, st.lists(words, min_size=1, max_size=3).map(tuple), max_size=2),
    buckets=bounds,
    quantiles=bounds,
)


@given(st.lists(metric_strategy, max_size=4), words, words)
def test_what_is_written_is_read_back(metrics: list[Metric], exporter: str, how: str) -> None:
    ordered = {metric.name: metric for metric in sorted(metrics, key=lambda metric: metric.name)}
    catalog = Catalog(exporter, "1.0", how, ordered)
    text = dump_catalog(catalog)
    assert parse_catalog(text) == catalog
    assert dump_catalog(parse_catalog(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no `metrics` mapping"),
        ("[]", "no `metrics` mapping"),
        ("a: [", "not YAML"),
        ("metrics: {m: 3}", "metric 'm'"),
        ("metrics: {m: {help: x}}", "metric 'm': KeyError: 'type'"),
        ("metrics: {m: {type: gauge, buckets: [a]}}", "metric 'm': ValueError"),
        ("metrics: {m: {type: gauge, values: [a]}}", "metric 'm': AttributeError"),
    ],
)
def test_what_is_no_catalog_is_refused_with_its_file(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=message) as error:
        load_catalog(path)
    assert str(path) in str(error.value)


EXPECTED = {
    "alertmanager": {
        "alertmanager_notifications_failed_total": ("counter", "integration"),
        "alertmanager_cluster_members": ("gauge", None),
    },
    "blackbox_exporter": {
        "probe_success": ("gauge", None),
        "probe_http_duration_seconds": ("gauge", "phase"),
        "probe_ssl_earliest_cert_expiry": ("gauge", None),
    },
    "cadvisor": {
        "container_cpu_usage_seconds_total": ("counter", "name"),
        "container_memory_working_set_bytes": ("gauge", "image"),
    },
    "mysqld_exporter": {
        "mysql_up": ("gauge", None),
        "mysql_slave_status_seconds_behind_master": ("unknown", "master_host"),
    },
    "node_exporter": {
        "node_cpu_seconds_total": ("counter", "mode"),
        "node_filesystem_avail_bytes": ("gauge", "mountpoint"),
    },
    "prometheus": {
        "prometheus_tsdb_head_series": ("gauge", None),
        "prometheus_remote_storage_samples_failed_total": ("counter", "url"),
    },
    "pushgateway": {"pushgateway_build_info": ("gauge", "version")},
    "python_client": {"process_cpu_seconds_total": ("counter", None)},
    "redis_exporter": {
        "redis_up": ("gauge", None),
        "redis_connected_slave_lag_seconds": ("gauge", "slave_ip"),
    },
    "statsd_exporter": {"statsd_exporter_events_total": ("counter", "type")},
}


@pytest.mark.parametrize("name", shipped_catalogs())
def test_a_shipped_catalog_says_what_it_was_captured_from(name: str) -> None:
    catalog = load_catalog(name)
    assert catalog.exporter == name
    assert catalog.version[0].isdigit()
    assert catalog.captured
    for metric, (kind, label) in EXPECTED[name].items():
        assert catalog.metrics[metric].type == kind
        assert label is None or label in catalog.metrics[metric].labels


@pytest.mark.parametrize("name", shipped_catalogs())
def test_a_shipped_catalog_holds_no_address_of_the_machine_that_captured_it(name: str) -> None:
    text = dump_catalog(load_catalog(name))
    assert "/tmp/" not in text
    assert "127.0.0.1:" not in text


def test_what_was_pushed_to_a_pushgateway_is_no_metric_of_it() -> None:
    # Text as Pushgateway 1.5.1 answers after `rows 7` was pushed without a type.
    text = (
        '# TYPE push_time_seconds gauge\npush_time_seconds{instance="",job="backup"} 1.7e+09\n'
        '# TYPE rows untyped\nrows{instance="",job="backup"} 7\n'
        '# TYPE rows_total counter\nrows_total{instance="",job="batch"} 1\n'
        '# TYPE pushgateway_build_info gauge\npushgateway_build_info{version="1.5.1"} 1\n'
    )
    kept = without_pushed(capture(text, "pushgateway", "1.5.1", "a test"))
    assert list(kept.metrics) == ["push_time_seconds", "pushgateway_build_info"]


@pytest.mark.parametrize("name", shipped_catalogs())
def test_a_shipped_catalog_holds_no_metric_of_the_capture_itself(name: str) -> None:
    own = {
        "pushgateway": ("go_", "process_", "push_", "pushgateway_"),
        "statsd_exporter": ("go_", "process_", "promhttp_", "statsd_"),
    }
    metrics = load_catalog(name).metrics
    assert [n for n in metrics if not n.startswith(own.get(name, ""))] == []
    assert [n for n in metrics if n.startswith(("rows", "lab_"))] == []


def test_closed_values_are_complete_and_few() -> None:
    modes = load_catalog("node_exporter").metrics["node_cpu_seconds_total"].values["mode"]
    assert modes == ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
