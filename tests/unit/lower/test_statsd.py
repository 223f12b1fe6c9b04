"""The StatsD mapping; where statsd_exporter is at hand, proven by lines that go in and series that come out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from monitoring_kit.lower.statsd import lower_statsd
from tests.unit.lower.spec_text import HEAD, WEB, Compile, Lowered, lowered

SPEC = (
    HEAD
    + """
services:
  web: {kind: http, scrape: {targets: ['web:80']}}
  api: {kind: http, scrape: {targets: ['api:80']}}
metrics:
  http_requests_total: {type: counter, help: Requests., labels: {status: {}}, services: [web, api]}
  http_request_duration_seconds: {type: histogram, unit: seconds, help: Time., buckets: [0.1, 1], services: [web]}
  queue_depth: {type: gauge, help: Jobs waiting., services: [api]}
  size_bytes: {type: summary, unit: bytes, help: Sizes., services: [api]}
statsd: {prefix: shop, flush_interval: 1m}
"""
)


@pytest.fixture
def shop(compile_text: Compile) -> Lowered:
    return lowered(compile_text(SPEC), lower_statsd, model=False)


def test_mapping(shop: Lowered) -> None:
    rules = shop.tree("statsd/mapping.yml")["mappings"]
    assert [rule["match"] for rule in rules] == [
        "shop.web.http_requests_total",
        "shop.api.http_requests_total",
        "shop.web.http_request_duration_seconds",
        "shop.http_request_duration_seconds",
        "shop.api.queue_depth",
        "shop.queue_depth",
        "shop.api.size_bytes",
        "shop.size_bytes",
        ".",
    ]
    assert rules[0] == {
        "match": "shop.web.http_requests_total",
        "match_metric_type": "counter",
        "name": "http_requests_total",
        "help": "Requests.",
        "labels": {"job": "web", "service": "web"},
    }
    assert rules[2]["observer_type"] == "histogram"
    assert rules[2]["histogram_options"] == {"buckets": [0.1, 1]}
    assert rules[4]["ttl"] == "10m"
    assert rules[-1] == {"match": ".", "match_type": "regex", "action": "drop", "name": "dropped"}
    assert shop.found == []


def test_rules_know_their_metric_in_the_spec(shop: Lowered) -> None:
    rule = shop.files["statsd/mapping.yml"].tree["mappings"][0]
    assert rule.origin.line == SPEC.splitlines().index("metrics:") + 2


@pytest.mark.parametrize("statsd", ["", "statsd: {enabled: false, prefix: a}\n"])
def test_nothing_without_statsd(compile_text: Compile, statsd: str) -> None:
    assert lowered(compile_text(HEAD + WEB + statsd), lower_statsd, model=False).files == {}


def test_statsd_without_metrics_is_said(compile_text: Compile) -> None:
    files = lowered(compile_text(HEAD + WEB + "statsd: {prefix: a}\n"), lower_statsd, model=False)
    assert files.found == [("statsd/nothing-declared", "warning")]


def exporter() -> str:
    found = os.environ.get("MKIT_STATSD_EXPORTER") or shutil.which("statsd_exporter")
    if not found:
        pytest.skip("statsd_exporter is missing (`go install github.com/prometheus/statsd_exporter@latest`)")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.e2e
def test_lines_become_the_declared_series(shop: Lowered, tmp_path: Path) -> None:
    program = exporter()
    mapping = shop.write(tmp_path) / "statsd/mapping.yml"
    web, lines = free_port(), free_port()
    process = subprocess.Popen(
        [program, f"--statsd.mapping-config={mapping}", f"--web.listen-address=127.0.0.1:{web}",
         f"--statsd.listen-tcp=127.0.0.1:{lines}", "--statsd.listen-udp="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        send = [
            b"shop.web.http_requests_total:2|c|#status:200",
            b"shop.queue_depth:7|g",
            b"shop.http_request_duration_seconds:500|ms",
            b"shop.api.size_bytes:2048|d",
            b"shop.web.misspelt_total:1|c",
        ]
        text = _deliver(lines, web, send)
    finally:
        process.terminate()
        process.wait(10)
    assert 'http_requests_total{job="web",service="web",status="200"} 2' in text
    assert 'queue_depth{job="api",service="api"} 7' in text
    assert 'http_request_duration_seconds_bucket{job="web",service="web",le="1"} 1' in text
    assert 'http_request_duration_seconds_bucket{job="web",service="web",le="0.1"} 0' in text
    assert 'size_bytes_sum{job="api",service="api"} 2048' in text
    assert "misspelt" not in text
    assert 'statsd_exporter_events_actions_total{action="drop"} 1' in text


def _deliver(lines: int, web: int, send: list[bytes]) -> str:
    deadline = time.monotonic() + 20
    sent = False
    while True:
        try:
            if not sent:
                with socket.create_connection(("127.0.0.1", lines), timeout=1) as connection:
                    connection.sendall(b"\n".join(send) + b"\n")
                sent = True
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=2) as answer:
                text = str(answer.read().decode())
            if 'action="drop"} 1' in text:
                return text
        except OSError:
            pass
        assert time.monotonic() < deadline, "statsd_exporter did not take the lines"
        time.sleep(0.2)
