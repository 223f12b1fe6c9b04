"""The simulated system exposes what the spec declares, and fails as it is told to."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from monitoring_kit.pipeline import Compilation, compile_spec
from monitoring_kit.stack.simulation_plan import SimulatedService, plan
from monitoring_kit.stack.simulator import FAULT_ERRORS, Simulation, serve

EXAMPLE = Path(__file__).parents[3] / "examples/ai-camera-counting/mkit.yaml"


@pytest.fixture(scope="module")
def services() -> dict[str, SimulatedService]:
    result = compile_spec(EXAMPLE)
    assert result.system is not None
    assert result.model is not None
    return {s.service: s for s in plan(result.system, result.model)}


def sums(text: str) -> dict[tuple[str, str], float]:
    """(sample name, status label) -> sum of the values."""
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, sample.labels.get("status", ""))
            found[key] = found.get(key, 0.0) + sample.value
    return found


def test_every_service_exposes_its_declared_metrics(services: dict[str, SimulatedService]) -> None:
    result = compile_spec(EXAMPLE)
    assert result.system is not None
    for name, metric in result.system.spec.metrics.items():
        for service in metric.services:
            text = Simulation(services[service].plain()).exposition()
            assert f"# TYPE {name} {metric.type}\n" in text
            for label in metric.labels:
                assert f'{label}="' in text


def test_label_values_meet_the_declared_ones(services: dict[str, SimulatedService]) -> None:
    (transactions,) = (m for m in services["business"].metrics if m.name == "transaction_total")
    assert [s.labels["status"] for s in transactions.series] == ["ok", "failed", "refunded"]
    (requests_,) = (m for m in services["beCamera"].metrics if m.name == "http_requests_total")
    assert {s.labels["status"] for s in requests_.series if s.bad} == {"500"}


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not on PATH")
def test_promtool_reads_every_exposition(services: dict[str, SimulatedService]) -> None:
    for service in services.values():
        text = Simulation(service.plain()).exposition()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert done.returncode in (0, 3), done.stderr  # 3: opinions on the spec's own names
        assert "error" not in done.stderr


def test_errors_are_rare_until_the_fault(services: dict[str, SimulatedService]) -> None:
    simulation = Simulation(services["beCamera"].plain(), now=0.0)
    before = sums(simulation.exposition(600.0))
    simulation.fault = "errors"
    after = sums(simulation.exposition(1200.0))
    name = "http_requests_total"

    def share(now: dict[tuple[str, str], float], then: dict[tuple[str, str], float]) -> float:
        bad = now[name, "500"] - then.get((name, "500"), 0)
        return bad / sum(now[name, s] - then.get((name, s), 0) for s in ("200", "404", "500"))

    assert share(before, {}) < 0.002
    assert share(after, before) == pytest.approx(FAULT_ERRORS, rel=0.2)


def test_histograms_are_cumulative_and_slow_down(services: dict[str, SimulatedService]) -> None:
    simulation = Simulation(services["beCamera"].plain(), now=0.0)
    simulation.exposition(600.0)
    simulation.fault = "slow"
    for family in text_string_to_metric_families(simulation.exposition(1200.0)):
        if family.type != "histogram":
            continue
        series: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                series.setdefault(labels, []).append(sample.value)
        for counts in series.values():
            assert counts == sorted(counts)
            assert counts[0] < counts[-1] / 2


def test_counters_never_fall(services: dict[str, SimulatedService]) -> None:
    simulation = Simulation(services["beCamera"].plain(), now=0.0)
    last: dict[tuple[str, str], float] = {}
    for minute in range(1, 30):
        now = sums(simulation.exposition(minute * 60.0))
        assert all(
            v >= last.get(k, 0) for k, v in now.items() if k[0].endswith(("_total", "_bucket", "_count", "_sum"))
        )
        last = now


def test_it_can_be_broken_and_mended_over_http(services: dict[str, SimulatedService]) -> None:
    server = serve(services["beAuth"].plain(), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert requests.get(f"{url}/metrics", timeout=5).status_code == 200
        assert requests.post(f"{url}/-/fault?mode=down", timeout=5).status_code == 204
        assert requests.get(f"{url}/metrics", timeout=5).status_code == 503
        assert requests.post(f"{url}/-/heal", timeout=5).status_code == 204
        assert requests.get(f"{url}/metrics", timeout=5).status_code == 200
        assert requests.post(f"{url}/-/fault?mode=confetti", timeout=5).status_code == 404
    finally:
        server.shutdown()
        server.server_close()


def test_a_pattern_decides_the_values(compile_text: Callable[..., Compilation]) -> None:
    text = (
        "version: mkit/v1\nsystem: s\nchannels: {h: {kind: webhook, url: 'http://h/'}}\n"
        "services:\n  db: {kind: node, scrape: {targets: ['n:9100']}}\n"
    )
    result = compile_text(text)
    assert result.system is not None
    assert result.model is not None
    (service,) = plan(result.system, result.model)
    modes = {s.labels["mode"] for m in service.metrics if m.name == "node_cpu_seconds_total" for s in m.series}
    assert "idle" in modes
