"""The AI exporter as a process: real clients, a real Prometheus, and histograms whose true quantiles are known."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from monitoring_kit.exporters.ai.mkit_client import Client

from monitoring_kit.stack.lab import Lab, free_port, wait_until
from monitoring_kit.stack.tools import ensure_tools

pytestmark = [pytest.mark.e2e]

LATENCY = [0.002, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.35, 0.5, 1, 2.5, 5]  # fmt: skip


class World:
    """An exporter and a Prometheus that scrapes it every half second, over protobuf as well."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.socket = lab.folder / "run/ai.sock"
        self.exporter, self.prometheus = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.config = {
            "model": {"name": "m", "version": "1", "cameras": 8}, "ingest": {"unix": str(self.socket), "http": True}, "gpu": False,
            "metrics": {"ai_latency_seconds": {
                "type": "histogram", "unit": "seconds", "help": "L.", "labels": {"dist": {}}, "buckets": LATENCY, "native": True,
            }},
        }  # fmt: skip
        self.file = lab.write("ai.yaml", yaml.safe_dump(self.config))
        command = [sys.executable, "-m", "monitoring_kit", "exporter", "ai", "--config", str(self.file)]
        listen = f"--web.listen-address={self.exporter.removeprefix('http://')}"
        lab.start("exporter", [*command, listen], f"{self.exporter}/-/ready")
        scrape = {"job_name": "ai", "static_configs": [{"targets": [self.exporter.removeprefix("http://")]}]}
        config = {"global": {"scrape_interval": "500ms", "evaluation_interval": "1s"}, "scrape_configs": [scrape]}
        lab.write("prometheus.yml", yaml.safe_dump(config))
        program = str(ensure_tools()["prometheus"].path)
        command = [
            program,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--enable-feature=native-histograms",
        ]
        listen = f"--web.listen-address={self.prometheus.removeprefix('http://')}"
        lab.start("prometheus", [*command, listen], f"{self.prometheus}/-/ready")

    def query(self, expr: str) -> float | None:
        answer = requests.get(f"{self.prometheus}/api/v1/query", {"query": expr}, timeout=10)
        result = answer.json()["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def until(self, expr: str, value: float, seconds: float = 15) -> None:
        wait_until(lambda: self.query(expr) == value, seconds)

    def post(self, body: bytes) -> int:
        request = urllib.request.Request(f"{self.exporter}/v1/events", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Lab() as lab:
        yield World(lab)
        log = lab.log_tail("prometheus", 500)
        assert not [
            line for line in log.splitlines() if "uplicate" in line or "ut of order" in line or "ut-of-order" in line
        ]


@pytest.mark.parametrize("median", [0.008, 0.03, 0.12])
def test_p95_of_known_distributions(world: World, median: float) -> None:
    """Within 6 % from the classic buckets and 1 % from the native ones, of what was truly observed."""
    rng = random.Random(5)
    client = Client(str(world.socket))
    name = f"d{round(median * 1000)}"
    histogram = client.histogram("ai_latency_seconds", dist=name)
    values = [median * rng.lognormvariate(0, 0.5) for _ in range(40_000)]
    for place, value in enumerate(values):
        histogram.observe(value)
        if place % 4000 == 0:
            time.sleep(0.02)
    client.close()
    world.until(
        f'ai_latency_seconds_count{{dist="{name}"}} or histogram_count(ai_latency_seconds{{dist="{name}"}})', 40_000
    )
    true = sorted(values)[round(0.95 * len(values))]
    # Prometheus 2.42 keeps the native form where both are there: the classic buckets come from the text exposition.
    native = world.query(f'histogram_quantile(0.95, ai_latency_seconds{{dist="{name}"}})')
    assert native == pytest.approx(true, rel=0.01)
    assert classic(world, name, 0.95) == pytest.approx(true, rel=0.06)


def classic(world: World, dist: str, quantile: float) -> float:
    """`histogram_quantile` of the exposed classic buckets, by its definition: linear within the bucket."""
    with urllib.request.urlopen(f"{world.exporter}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found = []
    for line in lines:
        if line.startswith("ai_latency_seconds_bucket{") and f'dist="{dist}"' in line:
            le = line.split('le="')[1].split('"')[0]
            found.append((float(le.replace("+Inf", "inf")), float(line.rpartition(" ")[2])))
    rank = quantile * found[-1][1]
    low, before = 0.0, 0.0
    for bound, count in found:
        if count >= rank:
            return low + (bound - low) * (rank - before) / (count - before)
        low, before = bound, count
    raise AssertionError


def test_many_processes_and_threads_lose_nothing(world: World) -> None:
    code = """
import sys, threading
from monitoring_kit.exporters.ai.mkit_client import Client
client = Client(sys.argv[1])
counter = client.counter("mkit_model_frames_processed_total", camera="a")
def work():
    for _ in range(50_000): counter.inc()
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
    children = [subprocess.Popen([sys.executable, "-c", code, str(world.socket)]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    world.until("mkit_model_frames_processed_total", 450_000)
    assert world.query("sum(mkit_ai_ingest_lost_total)") == 0


def test_acknowledged_batches_survive_reloads_and_retries(world: World) -> None:
    stop = threading.Event()
    acknowledged = [0, 0]

    def send(me: int) -> None:
        number = 0
        while not stop.is_set():
            body = json.dumps(
                {"batch_id": f"{me}-{number}", "events": [{"metric": "mkit_model_batches_total", "inc": 1}] * 10}
            )
            try:
                # Every batch goes out twice, as after a lost answer.
                first, second = world.post(body.encode()), world.post(body.encode())
            except OSError:
                continue
            if first == 204 or second == 204:
                acknowledged[me] += 10
                number += 1

    threads = [threading.Thread(target=send, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    (pid,) = [child.pid for name, child in world.lab._children if name == "exporter"]
    for number in range(8):
        world.file.write_text(yaml.safe_dump({**world.config, "max_series": 9000 + number}))
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.4)
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(acknowledged) > 100
    world.until("mkit_model_batches_total", sum(acknowledged))


def test_garbage_from_outside_changes_nothing_but_counters(world: World) -> None:
    rng = random.Random(1)
    # The model's own process is looked at every few seconds, whatever comes from outside.
    process = "mkit_model_(cpu_seconds_total|open_fds|processes|resident_memory_bytes|start_time_seconds|threads)"
    count = f"count({{job='ai', __name__!~'mkit_ai_.*|process_.*|{process}'}})"
    wait_until(lambda: (world.query(count) or 0) >= 7, 20)
    before = world.query(count)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(str(world.socket))
        for _ in range(300):
            sock.send(rng.randbytes(rng.randrange(1, 2000)))
        sock.send(b"[" * 60_000)
    for body in (
        b"",
        b"{",
        b"[1]",
        json.dumps({"batch_id": "g", "events": [{"metric": "x" * 1000, "inc": 1}]}).encode(),
    ):
        assert world.post(body) in (204, 400)
    wait_until(
        lambda: (world.query('mkit_ai_ingest_dropped_total{transport="unix", reason="malformed"}') or 0) >= 300, 10
    )
    assert world.query(count) == before
    # Refused unread, or for its events: one a batch.
    assert world.post(b" " * (2 << 20)) == 413
    assert world.post(json.dumps({"batch_id": "many", "events": [{}] * 10_001}).encode()) == 413
    world.until('mkit_ai_ingest_dropped_total{transport="http", reason="too_large"}', 2)
    assert world.query("up") == 1


def test_config_check_and_help(world: World) -> None:
    command = [sys.executable, "-m", "monitoring_kit", "exporter", "ai", "--config", str(world.file), "--config.check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "mkit_model_info" in done.stdout) == (0, True), done.stderr
    bad = world.lab.write("bad.yaml", "modle: {}\n")
    done = subprocess.run(
        [*command[:-2], str(bad), "--config.check"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "did you mean `model`" in done.stderr


def test_the_people_detector_example() -> None:
    """`make demo-ai`, where OpenCV is installed."""
    pytest.importorskip("cv2")
    folder = Path(__file__).parents[2] / "examples/people-detector"
    command = [sys.executable, "-m", "monitoring_kit.stack.demo_ai", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 events lost or dropped" in done.stdout
