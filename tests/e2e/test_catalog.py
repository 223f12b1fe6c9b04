"""Catalogs from real servers: through Prometheus' API as from the exposition, on the chosen suite."""

import time
from importlib import resources

import pytest
from click.testing import CliRunner

from monitoring_kit.cli import catalog as cli
from monitoring_kit.live.catalog import capture
from monitoring_kit.live.prometheus_catalog import PrometheusSource
from monitoring_kit.live.scrape import ScrapeError, read_source
from monitoring_kit.promql.catalog import load_catalog, parse_catalog
from monitoring_kit.stack import recipes_servers
from monitoring_kit.stack.catalogs import main as regenerate
from monitoring_kit.stack.lab import Lab, free_port, read, wait_until
from monitoring_kit.stack.tools import chosen_suite, ensure_tools

pytestmark = pytest.mark.e2e

CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{cluster: lab}}}}
rule_files: [rules.yml]
scrape_configs:
- job_name: self
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{rack: r1}}}}]
"""
RULES = "groups: [{name: g, rules: [{record: 'job:up:sum', expr: 'sum by (job) (up)'}]}]\n"


@pytest.fixture(scope="module")
def prometheus():  # type: ignore[no-untyped-def]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Lab() as lab:
        lab.write("rules.yml", RULES)
        config = lab.write("prometheus.yml", CONFIG.format(port=port))
        flags = [
            f"--config.file={config}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--storage.tsdb.path={lab.folder}/d",
        ]
        lab.start("prometheus", [str(ensure_tools()["prometheus"].path), *flags], f"{url}/-/ready")
        wait_until(lambda: '"job:up:sum"' in read(f"{url}/api/v1/label/__name__/values"), 30)
        # A second scrape, so that what the first one created is stored as well.
        time.sleep(2.5)
        yield url


def test_the_api_and_the_exposition_give_the_same_catalog(prometheus: str) -> None:
    exposed = capture(read_source(f"{prometheus}/metrics"))
    learned = PrometheusSource(prometheus).catalog('{job="self"}')
    shared = sorted(set(exposed.metrics) & set(learned.metrics))
    assert len(shared) > 150
    assert {"prometheus_http_request_duration_seconds", "prometheus_engine_query_duration_seconds"} <= set(shared)
    for name in shared:
        theirs, ours = learned.metrics[name], exposed.metrics[name]
        assert (theirs.type, theirs.labels, theirs.buckets, theirs.quantiles) == (
            ours.type,
            ours.labels,
            ours.buckets,
            ours.quantiles,
        ), name
    # What Prometheus adds on its own to each scrape; the rest is what the server exposed.
    only = set(learned.metrics) - set(exposed.metrics) - {"job:up:sum"}
    assert {name for name in only if not name.startswith(("up", "scrape_"))} == set()


def test_rules_and_target_labels_are_told_apart(prometheus: str) -> None:
    learned = PrometheusSource(prometheus).catalog()
    assert learned.metrics["job:up:sum"].labels == ()
    assert all("rack" not in metric.labels for metric in learned.metrics.values())
    assert learned.metrics["up"].labels == ()


def test_limits_of_the_learning_are_kept(prometheus: str) -> None:
    with pytest.raises(ScrapeError, match=r"metrics; at most 10 are read"):
        PrometheusSource(prometheus).catalog(max_metrics=10)
    with pytest.raises(ScrapeError, match=r"within 0\.01 s"):
        PrometheusSource(prometheus, timeout=0.01).catalog()
    with pytest.raises(ScrapeError, match="answered 400"):
        PrometheusSource(prometheus).catalog("{not a selector")


def test_something_that_is_no_prometheus_is_told(prometheus: str) -> None:
    with pytest.raises(ScrapeError, match="answered 404"):
        PrometheusSource(f"{prometheus}/metrics").catalog()


def test_the_verb_writes_what_the_library_learns(prometheus: str) -> None:
    arguments = ["capture", "--prometheus", prometheus, "--selector", '{__name__=~"go_.*"}', "--exporter", "go"]
    result = CliRunner().invoke(cli.command, arguments)
    assert result.exit_code == 0, result.output
    found = parse_catalog(result.output)
    assert found.exporter == "go"
    assert "go_goroutines" in found.metrics
    assert all(name.startswith("go_") for name in found.metrics)


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_what_the_pack_reads_is_there_on_the_chosen_suite(name: str) -> None:
    with Lab() as lab:
        found = getattr(recipes_servers, name)(lab, chosen_suite())
    pack = resources.files("monitoring_kit.rules").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    read_by_pack = [metric for metric in load_catalog(name).metrics.values() if metric.name in pack]
    assert len(read_by_pack) > 3
    for metric in read_by_pack:
        assert found.metrics[metric.name].type == metric.type, f"{name} {found.version}"
        assert set(metric.labels) <= set(found.metrics[metric.name].labels), f"{name} {found.version}"


@pytest.mark.parametrize("name", ["node_exporter", "redis_exporter", "pushgateway", "blackbox_exporter"])
def test_capturing_again_gives_the_shipped_catalog(name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert regenerate([name, "-o", str(tmp_path)]) == 0
    again = load_catalog(tmp_path / f"{name}.yaml")
    shipped = load_catalog(name)
    if again.version != shipped.version:
        pytest.skip(f"the mirror serves {again.version} now; captured was {shipped.version}")
    # Hardware and kernel differ between machines; the exporter's own metrics do not.
    machine = ("node_", "go_", "process_")
    before = {name: metric for name, metric in shipped.metrics.items() if not name.startswith(machine)}
    after = {name: metric for name, metric in again.metrics.items() if not name.startswith(machine)}
    assert after == before
