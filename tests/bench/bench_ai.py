"""The AI exporter and its client: cost of a call in the model, events a core takes in, drift's false alarms, quantiles."""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import prometheus_client
from monitoring_kit.exporters.ai import mkit_client
from monitoring_kit.exporters.ai.build import make_exporter
from monitoring_kit.exporters.ai.config import parse_config
from monitoring_kit.exporters.ai.drift_math import psi, psi_threshold
from monitoring_kit.exporters.ai.intake import Intake
from monitoring_kit.exporters.ai.mkit_client import Client
from monitoring_kit.exporters.ai.parts import Lasting
from monitoring_kit.exporters.ai.statsd import StatsdHandler, StatsdNames
from monitoring_kit.exporters.runtime.native import upper_bound

from monitoring_kit.stack.lab import free_port
from tests.bench.figures import Figure, pace

SYSTEM_PYTHON = "/usr/bin/python3"
TENTHS = [0.1] * 10
NAME = "mkit_model_inference_duration_seconds"


def per_call(work: Callable[[int], None], calls: int, runs: int) -> float:
    """The best of ``runs``, nanoseconds of processor time a call: other load of the machine only adds."""
    times = []
    for _ in range(runs):
        began = time.thread_time()
        work(calls)
        times.append((time.thread_time() - began) / calls * 1e9)
    return min(times)


def client_figures() -> list[Figure]:
    """A call in the model's process, ours and prometheus_client's, by this Python and by the system's.

    Python's own speed differs: pyenv builds it without the optimisations of distributions and of the official images.
    """
    script = str(Path(__file__).with_name("client_calls.py"))
    folders = [str(Path(mkit_client.__file__).parent), str(Path(prometheus_client.__file__).parents[1])]
    pythons = {"": sys.executable}
    if Path(SYSTEM_PYTHON).exists() and Path(SYSTEM_PYTHON).resolve() != Path(sys.executable).resolve():
        pythons[f" ({SYSTEM_PYTHON})"] = SYSTEM_PYTHON
    out = []
    for which, python in pythons.items():
        answer = subprocess.run([python, script, *folders], check=True, capture_output=True, text=True).stdout
        for what, who, value in json.loads(answer):
            promised = who == "mkit_client" and "thread" not in what
            out.append(Figure(what + which, who, value, "ns", 400 if promised else None))
            if (what, who) == ("counter.inc()", "prometheus_client"):
                out.append(pace(value))
    return out


def exporter() -> tuple[Any, Intake]:
    """An exporter in this process with its intake."""
    lasting = Lasting()
    # A way in, without which nothing that events feed is served; the bench hands them to the intake itself.
    ways = {"http": True, "statsd": {"udp": f"127.0.0.1:{free_port()}"}}
    config = {"model": {"cameras": 64}, "ingest": ways, "gpu": False, "process": False}
    made = make_exporter(parse_config(config), lasting)
    for start in made.start:
        start()
    assert lasting.intake is not None
    return made, lasting.intake


def intake_figures() -> list[Figure]:
    """Events a second that one core takes in: decoding, checking, classic and native buckets."""
    rng = random.Random(1)
    out = []
    for size, what in ((50, "50 calls a metric and datagram"), (20_000, "a busy 250 ms")):
        _, intake = exporter()
        client = Client(start=False)
        histogram = client.histogram(NAME, camera="a", stage="infer")
        frames = client.counter("mkit_model_frames_processed_total", camera="a")
        for _ in range(min(200_000 // size // 2, 60)):
            for _ in range(size):
                histogram.observe(rng.lognormvariate(-3, 0.5))
                frames.inc()
            client._encode()
        datagrams = [data for data, _ in client._unsent]
        assert client.dropped == 0
        events = sum(json.loads(data)["events"] for data in datagrams)
        began = time.thread_time()
        for data in datagrams:
            intake.datagram(json.loads(data))
        rate = events / (time.thread_time() - began)
        assert not any(c.value for c in intake.meters.dropped.children()), "events were refused"
        out.append(Figure(f"ingest, {what}", "aggregated events", 1e6 / rate, "us", 5))
    return [*out, statsd_figure()]


def statsd_figure() -> Figure:
    """StatsD lines, one event each."""
    _, intake = exporter()
    handler = StatsdHandler(intake, StatsdNames())
    packet = "\n".join(["mkit_model_frames_processed:1|c|#camera:a"] * 30).encode()
    best = per_call(lambda calls: [handler(packet, 0) for _ in range(calls)] and None, 1000, 3) / 30 / 1000
    return Figure("ingest, a StatsD line", "unaggregated events", best, "us", 5)


def drift_figures(runs: int = 4000, alpha: float = 0.02) -> list[Figure]:
    """How often PSI alarms without drift, as a multiple of the budget; the reference has 2,000 values' own noise."""
    out = []
    for size in (100, 300, 1000, 3000, 10_000):
        rng = random.Random(size)
        limit = psi_threshold(alpha, size, 2000, TENTHS)
        found = 0
        for _ in range(runs):
            found += psi(multinomial(rng, size, [rng.gammavariate(200, 1) for _ in range(10)]), TENTHS) > limit
        out.append(
            Figure(f"PSI false alarms, n = {size:,}, of a budget of {alpha:g}", "mkit", found / runs / alpha, "x", 2)
        )
    return out


def multinomial(rng: random.Random, size: int, weights: list[float]) -> list[int]:
    """One draw; beyond 1,000 by the normal approximation, whose error is far below that of the simulation."""
    if size <= 1000:
        counts = [0] * len(weights)
        for place in rng.choices(range(len(weights)), weights, k=size):
            counts[place] += 1
        return counts
    left, mass, counts = size, sum(weights), []
    for weight in weights[:-1]:
        share = weight / mass
        mean, spread = left * share, math.sqrt(max(left * share * (1 - share), 1e-12))
        count = min(max(round(rng.gauss(mean, spread)), 0), left)
        counts.append(count)
        left, mass = left - count, mass - weight
    return [*counts, left]


def quantile_figures() -> list[Figure]:
    """The worst error of p95 over lognormal latencies, as ``histogram_quantile`` computes it (linear; native: geometric).

    tests/e2e/test_ai_exporter.py holds the same against a real Prometheus.
    """
    worst = {"classic": 0.0, "native": 0.0}
    for median in (0.008, 0.03, 0.12):
        rng = random.Random(7)
        made, intake = exporter()
        values = [median * rng.lognormvariate(0, 0.5) for _ in range(40_000)]
        intake.items("unix", [["h", NAME, {"camera": "a", "stage": "infer"}, values]])
        (child,) = made.registry.family(NAME).children()
        true = sorted(values)[round(0.95 * len(values))]
        classic = _classic(child.layout.bounds, list(accumulate(child.counts)), 0.95)
        native = _native(child.positive, child.schema, 0.95)
        worst["classic"] = max(worst["classic"], abs(classic / true - 1))
        worst["native"] = max(worst["native"], abs(native / true - 1))
    return [
        Figure("p95 error, 24 classic buckets", "mkit", 100 * worst["classic"], "%", 6),
        Figure("p95 error, native schema 3", "mkit", 100 * worst["native"], "%", 1),
    ]


def _classic(bounds: tuple[float, ...], cumulative: list[int], quantile: float) -> float:
    rank = quantile * cumulative[-1]
    place = next(place for place, count in enumerate(cumulative) if count >= rank)
    low, before = (bounds[place - 1], cumulative[place - 1]) if place else (0.0, 0)
    return low + (bounds[place] - low) * (rank - before) / (cumulative[place] - before)


def _native(buckets: dict[int, int], schema: int, quantile: float) -> float:
    rank, before = quantile * sum(buckets.values()), 0
    for index in sorted(buckets):
        if before + buckets[index] >= rank:
            low, high = upper_bound(index - 1, schema), upper_bound(index, schema)
            return low + (high - low) * (rank - before) / buckets[index]
        before += buckets[index]
    raise ValueError("empty")


def scrape_figure() -> Figure:
    """A scrape with 64 cameras and every metric of the set in use."""
    made, intake = exporter()
    for camera in range(64):
        labels = {"camera": f"c{camera}"}
        intake.items(
            "unix",
            [
                ["h", NAME, {**labels, "stage": "infer"}, [0.02]],
                ["c", "mkit_model_frames_processed_total", labels, 1, 1],
            ],
        )
    from monitoring_kit.exporters.runtime import Deadline

    times = []
    for _ in range(20):
        began = time.perf_counter()
        made.registry.gather(Deadline.after(5)).render("text")
        times.append((time.perf_counter() - began) * 1e3)
    return Figure("scrape with 64 cameras", "mkit", statistics.median(times), "ms")


def measure() -> list[Figure]:
    """All figures."""
    return [*client_figures(), *intake_figures(), *drift_figures(), *quantile_figures(), scrape_figure()]
