"""The backtest: 100 alerts over 30 days at 1 minute against a local Prometheus."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from monitoring_kit.live.backtest.tsdb import PrivateServer, tool
from monitoring_kit.stack.lab import Lab
from tests.bench.figures import Figure

DAYS, SERVICES, STEP = 30, 25, 60
START = 1_767_571_200


def spec_of(services: int) -> str:
    """Four alerts of their own for each service; those on targets are counted out by name."""
    lines = ["version: mkit/v1", "system: bench", "prometheus: {scrape_interval: 1m, evaluation_interval: 1m}"]
    lines += ["channels: {hook: {kind: webhook, url: 'http://hook:1/'}}", "services:"]
    lines += [
        f"  s{i}: {{kind: http, scrape: {{targets: ['s{i}:8080']}}, resources: {{cpu: 1}}}}" for i in range(services)
    ]
    names = ", ".join(f"s{i}" for i in range(services))
    lines.append("alerts:")
    for name, when in (
        ("Errors", "errors > 5%"),
        ("Slow", "latency(p95) > 2s"),
        ("Cpu", "cpu > 80%"),
        ("Busy", "traffic > 30/s"),
    ):
        lines.append(f"  {name}: {{services: [{names}], when: '{when}', for: 5m, severity: warning}}")
    return "\n".join(lines) + "\n"


def samples() -> Iterator[str]:
    """Every series over all days: counters with a daily shape, and an hour of errors a week."""
    for service in range(SERVICES):
        labels = f'job="s{service}",service="s{service}",instance="s{service}:8080"'
        for at in range(START, START + DAYS * 86_400, STEP):
            n = at - START
            total = 20 * (n + 0.5 * 86_400 / (2 * math.pi) * (1 - math.cos(2 * math.pi * n / 86_400)))
            bad = total * 0.001 + 4 * 3600 * (n // 604_800) + (4 * (n % 604_800) if n % 604_800 < 3600 else 4 * 3600)
            for name, value in (
                (f'http_requests_total{{{labels},method="GET",route="/",status="200"}}', total),
                (f'http_requests_total{{{labels},method="GET",route="/",status="500"}}', bad),
                (f'http_request_duration_seconds_bucket{{{labels},le="0.5"}}', total * 0.9),
                (f'http_request_duration_seconds_bucket{{{labels},le="2.5"}}', total * 0.99),
                (f'http_request_duration_seconds_bucket{{{labels},le="+Inf"}}', total),
                (f"process_cpu_seconds_total{{{labels}}}", 0.3 * n),
                (f"up{{{labels}}}", 1.0),
            ):
                yield f"{name} {value:.6g} {at}\n"
    yield "# EOF\n"


def measure() -> list[Figure]:
    """Wall seconds of the whole command, the recorded series evaluated in place."""
    with Lab() as lab, tempfile.TemporaryDirectory() as folder:
        data = lab.folder / "data"
        with (lab.folder / "samples.txt").open("w") as file:
            file.writelines(samples())
        # promtool reads the whole file again for each block: as few as a server with a long retention keeps itself.
        write: list[str | Path] = [
            tool("promtool"),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--max-block-duration=720h",
            "-q",
        ]
        lab.run("promtool", [*write, lab.folder / "samples.txt", data], timeout=300)
        server = PrivateServer(lab, data, 120.0)
        spec = Path(folder, "mkit.yaml")
        spec.write_text(spec_of(SERVICES), encoding="utf-8")
        command = [
            sys.executable, "-m", "monitoring_kit", "backtest", str(spec), "--prometheus", server.client.url, "--format", "json",
            "--from", str(START), "--to", str(START + DAYS * 86_400),
            *(part for name in ("Errors", "Slow", "Cpu", "Busy") for part in ("--alert", name)),
        ]  # fmt: skip
        begin = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begin
        found = json.loads(done.stdout)
        assert len(found["alerts"]) == 4 * SERVICES, len(found["alerts"])
        fired = sum(len(alert["firings"]) for alert in found["alerts"])
        assert fired >= SERVICES, "the hours of errors must be found"
    return [Figure("100 alerts, 30 days at 1 min", "mkit backtest", seconds, "s", 60)]
