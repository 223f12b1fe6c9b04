"""The samples that `mkit cost` promises against those that Prometheus counts itself."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring_kit.lower.cost import cost
from monitoring_kit.lower.model import RecordingRule
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.promql import print_expr
from monitoring_kit.stack.lab import Lab, free_port, read

pytestmark = pytest.mark.e2e

SPEC = """\
version: mkit/v1
system: shop
prometheus: {scrape_interval: 15s, evaluation_interval: 15s}
channels:
  mail: {kind: webhook, url: 'http://hook:1/'}
services:
  web: {kind: http, scrape: {targets: ['a:1', 'b:1', 'c:1']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {route: {max: 5}, status: {values: ["200", "404", "500", "503"]}}, services: [web]}
  http_request_duration_seconds: {type: histogram, unit: seconds, help: Latency., labels: {route: {max: 5}}, buckets: [0.1, 0.5, 1], services: [web]}
alerts:
  Slow: {when: "latency(p99, 10m) > 0.5s", severity: warning}
  Many: {expr: 'sum by (route) (rate(http_requests_total{status=~"500|503"}[10m])) > 1', severity: warning}
  Steps: {expr: 'max_over_time(sum(rate(http_requests_total{service="web"}[1m]))[10m:1m]) > 1', severity: warning}
"""
MINUTES = 20


def exposition(end: int) -> Iterator[str]:
    """Every series of the spec's two metrics on three targets, each 15 s."""
    begin = end - MINUTES * 60
    times = range(begin, end + 1, 15)
    yield "# TYPE http_requests counter"
    for target in "abc":
        own = f'job="web",service="web",instance="{target}:1"'
        for route in range(5):
            for status in ("200", "404", "500", "503"):
                for at in times:
                    yield f'http_requests_total{{{own},route="{route}",status="{status}"}} {at - begin} {at}'
    yield "# TYPE http_request_duration_seconds histogram"
    for target in "abc":
        own = f'job="web",service="web",instance="{target}:1"'
        for route in range(5):
            for le in ("0.1", "0.5", "1.0", "+Inf"):
                for at in times:
                    yield f'http_request_duration_seconds_bucket{{{own},route="{route}",le="{le}"}} {at - begin} {at}'
    yield "# EOF"


def test_samples_as_prometheus_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "mkit.yaml"
    path.write_text(SPEC)
    done = compile_spec(path, None, {})
    assert done.ok, [d.message for d in done.report]
    assert done.system is not None
    assert done.model is not None
    promised = {rule.name: rule for group in cost(done.system, done.model).groups for rule in group.rules}
    rules = {r.record if isinstance(r, RecordingRule) else r.name: r for g in done.model.groups for r in g.rules}
    # Of a subquery Prometheus counts the points alone, not what was read for them: 60 series, 4 samples a minute, 10 steps.
    assert promised["Steps"].samples_per_evaluation == 60 * 4 * 10
    with Lab() as lab:
        end = int(time.time()) // 15 * 15 - 3600
        lab.write("history.om", "\n".join(exposition(end)) + "\n")
        lab.run("promtool", ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.om", "data"])
        lab.write("prometheus.yml", "global: {}\n")
        port = free_port()
        server = f"http://127.0.0.1:{port}"
        lab.start(
            "prometheus",
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            f"{server}/-/ready",
        )
        for name in (
            "service:traffic:rate5m",
            "service:errors:ratio_rate5m",
            "service:latency:p95_5m",
            "service:latency:p99_10m",
            "Many",
        ):
            query = urllib.parse.urlencode({"query": print_expr(rules[name].expr), "time": end, "stats": "all"})
            answer = json.loads(read(f"{server}/api/v1/query?{query}"))["data"]
            counted = answer["stats"]["samples"]["totalQueryableSamples"]
            # A closed range holds one sample more than its length asks for, before Prometheus 3.
            assert promised[name].samples_per_evaluation == pytest.approx(counted, rel=0.06), name
            if isinstance(rules[name], RecordingRule):
                assert promised[name].series == len(answer["result"])
