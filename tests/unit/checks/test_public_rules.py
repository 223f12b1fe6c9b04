"""What was met in public rule collections (see docs/lint.md): alerts that are dead there, and idioms that must stay silent.

Each expression is quoted from the collection that is named, shortened to what matters; the real promtool says whether it fires
on the data that it was written for.
"""

from __future__ import annotations

import pytest

from monitoring_kit.promql.catalog import load_catalog
from monitoring_kit.promql.world import World, lint_world
from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import fires, needs_promtool

# awesome-prometheus-alerts: grafana-mimir, traefik, host-and-hardware.
DEAD = [
    (
        '(cortex_ingester_memory_series / ignoring(limit) cortex_ingester_instance_limits{limit="max_series"} * 100 > 90)'
        ' and cortex_ingester_instance_limits{limit="max_series"} > 0',
        "promql/never-matches",
        {"cortex_ingester_memory_series{instance='a'}": "99x200", "cortex_ingester_instance_limits{instance='a',limit='max_series'}": "100x200"},
    ),
    (
        "sum by (job) (cortex_runtime_config_last_reload_successful == 0) > 0", "promql/constant-comparison",
        {"cortex_runtime_config_last_reload_successful{job='a',instance='x'}": "0x200"},
    ),
    ("count(traefik_service_server_up) by (service) == 0", "promql/constant-comparison", {"traefik_service_server_up{service='a'}": "0x200"}),
    (
        '(count(sum(label_replace(node_uname_info, "kernel", "$1", "release", "(.*)-.*")) by (kernel)) > 1)'
        ' * on(instance) group_left (nodename) node_uname_info{nodename=~".+"}',
        "promql/on-nothing",
        {"node_uname_info{instance='a',nodename='a',release='5-x'}": "1x200", "node_uname_info{instance='b',nodename='b',release='6-x'}": "1x200"},
    ),
]  # fmt: skip
# Idioms of etcd's and kube-prometheus' mixins and of awesome-prometheus-alerts.
ALIVE = [
    ("sum(up{job='etcd'} == bool 1) by (job) < ((count(up{job='etcd'}) by (job) + 1) / 2)", {"up{job='etcd',instance='a'}": "0x200", "up{job='etcd',instance='b'}": "0x200"}),
    ('(count(redis_instance_info{role="master"}) or vector(0)) < 1', {"redis_instance_info{role='slave'}": "1x200"}),
    ("(node_load1 > 5) * on(instance) group_left (nodename) node_uname_info{nodename=~'.+'}", {"node_load1{instance='a'}": "9x200", "node_uname_info{instance='a',nodename='x'}": "1x200"}),
    ("((sum by (c) (rate(x_total{s='a'}[5m])) or vector(0)) + sum by (c) (rate(x_total{s='b'}[5m]))) > 0", {"x_total{c='1',s='a'}": "0+5x200", "x_total{c='1',s='b'}": "0+5x200"}),
    ("kube_statefulset_replicas != kube_statefulset_status_replicas_ready > 0", {"kube_statefulset_replicas": "3x200", "kube_statefulset_status_replicas_ready": "2x200"}),
    (
        "(kube_pod_restarts_total - kube_pod_restarts_total offset 10m >= 1) and ignoring (reason) min_over_time(kube_pod_last_reason{reason='OOMKilled'}[10m]) == 1",
        {"kube_pod_restarts_total{pod='a'}": "0+1x200", "kube_pod_last_reason{pod='a',reason='OOMKilled'}": "1x200"},
    ),
    ("up == 0 unless on(job) (sum by (job) (up) == 0)", {"up{job='a',instance='x'}": "0x200", "up{job='a',instance='y'}": "1x200"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def node() -> World:
    return lint_world([load_catalog("node_exporter")])


@pytest.mark.parametrize(("expr", "code", "series"), DEAD)
def test_dead_alerts_are_found(expr: str, code: str, series: dict[str, str], node: World) -> None:
    assert code in check_expr(expr, node, for_ms=60_000).codes()


@pytest.mark.parametrize(("expr", "series"), ALIVE)
def test_idioms_are_silent(expr: str, series: dict[str, str], node: World) -> None:
    assert check_expr(expr, node, for_ms=60_000).codes() == []


@needs_promtool
def test_prometheus_agrees() -> None:
    for expr, _, series in DEAD:
        assert not fires(expr, series), expr
    for expr, series in ALIVE:
        assert fires(expr, series), expr
