"""The compiler: start-up, the example, and specs of 1,000 and 5,000 services, as whole processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure

EXAMPLE = Path(__file__).parents[2] / "examples/ai-camera-counting/mkit.yaml"
MKIT = [sys.executable, "-m", "monitoring_kit"]
# Runs a command and prints its own peak memory in MiB: RUSAGE_CHILDREN of this process would keep the largest of all.
_PEAK = (
    "import resource, subprocess, sys;"
    "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode;"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024); sys.exit(code)"
)


ALERTS = (
    ("Errors", "errors > 5%", "critical"),
    ("Slow", "latency(p95) > 2s", "warning"),
    ("Cpu", "cpu > 80%", "warning"),
    ("Memory", "memory > 85%", "warning"),
)


def spec_of(services: int, *, own_alerts: bool = False) -> str:
    """A spec with ``services`` services, each with one SLO, four alerts and the dashboard that mkit generates.

    The four alerts are written once for all services, as one does; with ``own_alerts`` each service has four entries of its
    own, which is the worst case: four runbooks a service, and no two alerts alike.
    """
    out = ["version: mkit/v1", "system: bench", "channels: {hook: {kind: webhook, url: 'http://hook:1/'}}", "services:"]
    for i in range(services):
        out.append(f"  s{i}:\n    kind: http\n    scrape: {{targets: ['s{i}:8080']}}")
        out.append("    slos: {availability: {signal: errors, objective: 99.9%}}")
    out.append("alerts:")
    for i in range(services if own_alerts else 1):
        for name, when, severity in ALERTS:
            who = f"services: [s{i}], " if own_alerts else ""
            out.append(f"  {name}{i}: {{{who}when: '{when}', for: 5m, severity: {severity}}}")
    return "\n".join(out) + "\n"


def measure() -> list[Figure]:
    """All figures of the compiler."""
    found = []
    seconds, _, _ = _run([*MKIT, "--version"], runs=9)
    found.append(Figure("mkit --version", "mkit", seconds * 1000, "ms", 120))
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak, size = _generate(EXAMPLE, Path(folder) / "example", runs=5)
        found.append(Figure("the example, unverified", "mkit", seconds, "s", 0.5))
        for count, limit in ((1000, 4.0), (5000, None)):
            spec = Path(folder) / f"{count}.yaml"
            spec.write_text(spec_of(count))
            out = Path(folder) / f"out{count}"
            seconds, peak, size = _generate(spec, out, runs=1 if count > 1000 else 3)
            found.append(Figure(f"{count:,} services, unverified", "mkit", seconds, "s", limit))
            found.append(Figure(f"{count:,} services, peak memory", "mkit", peak, "MiB", 400 if limit else None))
            found.append(Figure(f"{count:,} services, written", "mkit", size / 1e6, "MB"))
            again, _, _ = _run([*MKIT, "generate", str(spec), "-o", str(out), "--check"], runs=1)
            found.append(Figure(f"{count:,} services, --check of an unchanged tree", "mkit", again, "s", seconds))
        spec.write_text(spec_of(1000, own_alerts=True))
        seconds, peak, size = _generate(spec, Path(folder) / "own", runs=1)
        found.append(Figure("1,000 services with alerts of their own, unverified", "mkit", seconds, "s"))
    return found


def _generate(spec: Path, out: Path, runs: int) -> tuple[float, float, int]:
    command = [*MKIT, "generate", str(spec), "-o", str(out), "--no-verify", "--min-severity", "error"]
    seconds, peak, _ = _run(command, runs)
    return seconds, peak, sum(f.stat().st_size for f in out.rglob("*") if f.is_file())


def _run(command: list[str], runs: int) -> tuple[float, float, int]:
    times, peaks = [], []
    for _ in range(runs):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _PEAK, *command], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - start)
        peaks.append(float(done.stdout))
    return sorted(times)[len(times) // 2], max(peaks), 0
