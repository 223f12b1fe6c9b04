"""The real Prometheus scrapes all three formats and finds what was counted."""

from __future__ import annotations

import json
import math
import random
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from monitoring_kit.exporters.runtime import HistogramValue, Registry
from prometheus_client import CollectorRegistry, Summary

from .conftest import Start

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus (>= 2.42) is not installed"),
]
ODD = 'quote " backslash \\ newline \n brace } hash # é'


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Prometheus:
    def __init__(self, folder: Path, target: int, *flags: str) -> None:
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "unit", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        self.port = free_port()
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}", *flags,
                ],
                stdout=log, stderr=log,
            )  # fmt: skip

    def query(self, expression: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=5) as answer:
            return list(json.load(answer)["data"]["result"])

    def value(self, expression: str) -> float:
        [found] = self.query(expression)
        return float(found["value"][1])

    def wait_for(self, expression: str) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if self.query(expression):
                    return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"{expression} never came:\n{self.log.read_text()}")


FLAGS = {
    "openmetrics": ("--enable-feature=exemplar-storage",),
    "protobuf": ("--enable-feature=native-histograms",),
}


@pytest.fixture(params=["openmetrics", "protobuf"])
def scraped(request: Any, start: Start, tmp_path: Path) -> Iterator[tuple[str, Prometheus, list[float]]]:
    registry = Registry("unit")
    rng = random.Random(3)
    values = sorted(rng.lognormvariate(-3.5, 0.6) for _ in range(20000))
    tx = registry.declare({"name": "tx_total", "type": "counter", "help": "x", "labels": ["odd"], "created": True})
    tx.labels(ODD).inc(7, exemplar={"trace_id": "abc"})
    big = registry.declare({"name": "big", "type": "gauge", "help": "x", "labels": ["n"]})
    for number, value in enumerate((1e300, -1.5, math.inf, 0.1, 2**60)):
        big.labels(str(number)).set(value)
    mixed = registry.declare(
        {"name": "wait_seconds", "type": "histogram", "help": "x", "buckets": [0.01, 0.05, 0.1], "native": True}
    )
    native = registry.declare({"name": "native_seconds", "type": "histogram", "help": "x", "native": True})
    for value in values:
        mixed.observe(value)
        native.observe(value)
    signed = registry.declare({"name": "signed", "type": "histogram", "help": "x", "native": {"schema": 0}})
    signed.labels().merge(HistogramValue((), -3.0, 2, {0: 1, 5: 2}, {1: 4}, 0))
    theirs = CollectorRegistry()
    Summary("their_summary", "x", registry=theirs).observe(4)
    registry.mount(theirs)
    run = start(registry)
    server = Prometheus(tmp_path, run.port, *FLAGS[request.param])
    try:
        server.wait_for('count_over_time(up{job="unit"}[1m]) > 2')
        yield request.param, server, values
    finally:
        server.process.terminate()
        server.process.wait(20)


def test_prometheus_reads_what_was_counted(scraped: tuple[str, Prometheus, list[float]]) -> None:
    form, server, values = scraped
    assert server.value("up") == 1
    [tx] = server.query("tx_total")
    assert (tx["metric"]["odd"], float(tx["value"][1])) == (ODD, 7)
    for number, want in enumerate((1e300, -1.5, math.inf, 0.1, 2.0**60)):
        assert server.value(f'big{{n="{number}"}}') == want
    assert server.value("their_summary_sum") == 4
    assert server.value('unit_collector_success{collector="mounted"}') == 1
    log = server.log.read_text().lower()
    for complaint in ("duplicate", "out-of-order", "out of order", "append failed", "invalid", "panic"):
        assert complaint not in log, log
    if form == "openmetrics":
        check_openmetrics(server, values)
    else:
        check_native(server, values)


def check_openmetrics(server: Prometheus, values: list[float]) -> None:
    assert server.value("wait_seconds_count") == len(values)
    assert server.value('wait_seconds_bucket{le="0.05"}') == sum(value <= 0.05 for value in values)
    now = time.time()
    query = urllib.parse.urlencode({"query": "tx_total", "start": now - 600, "end": now + 600})
    url = f"http://127.0.0.1:{server.port}/api/v1/query_exemplars?{query}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        [series] = json.load(answer)["data"]
    assert series["exemplars"][0]["labels"] == {"trace_id": "abc"}


def check_native(server: Prometheus, values: list[float]) -> None:
    for name in ("wait_seconds", "native_seconds"):
        assert server.value(f"histogram_count({name})") == len(values)
        assert server.value(f"histogram_sum({name})") == pytest.approx(sum(values))
        for quantile in (0.5, 0.95, 0.99):
            got = server.value(f"histogram_quantile({quantile}, {name})")
            # 2.42 interpolates linearly inside a bucket; a bucket of schema 3 is 9 % wide.
            assert got == pytest.approx(values[int(quantile * len(values))], rel=0.01)
    assert server.value("histogram_count(signed)") == 9
    assert server.value("histogram_sum(signed)") == -3


def test_text_as_prometheus_falls_back_to_it(start: Start, registry: Registry, tmp_path: Path) -> None:
    """promtool lints the text exposition: it parses, and every name follows the conventions."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    registry.declare({"name": "tx_total", "type": "counter", "help": "x", "labels": ["odd"]}).labels(ODD).inc()
    registry.declare({"name": "wait_seconds", "type": "histogram", "help": "x", "unit": "seconds"}).observe(1)
    registry.declare({"name": "model_info", "type": "info", "help": "x", "labels": ["v"]}).labels("1")
    body = start(registry).ask().body
    done = subprocess.run([tool, "check", "metrics"], input=body, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
