"""The compiler: start-up, the example, and specs of 1,000 and 5,000 services, as whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figure

EXAMPLE = Path(__file__).parents[2] / "examples/ai-camera-counting/mkit.yaml"
MKIT = [sys.executable, "-m", "monitoring_kit"]
# Runs a command and prints its wall and processor seconds and its peak memory in MiB, from a process of its own:
# RUSAGE_CHILDREN of this one would keep the largest of all.
_MEASURED = (
    "import resource, subprocess, sys, time;"
    "start = time.perf_counter();"
    "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode;"
    "wall = time.perf_counter() - start;"
    "use = resource.getrusage(resource.RUSAGE_CHILDREN);"
    "print(wall, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024); sys.exit(code)"
)


ALERTS = (
    ("Errors", "errors > 5%", "critical"),
    ("Slow", "latency(p95) > 2s", "warning"),
    ("Cpu", "cpu > 80%", "warning"),
    ("Memory", "memory > 85%", "warning"),
)


def spec_of(services: int, *, own_alerts: bool = False) -> str:
    """A spec with ``services`` services, each with one SLO, four alerts and the dashboard that mkit generates.

    With ``own_alerts`` each service has four entries of its own, which is the worst case: four runbooks a service, and no two
    alerts alike. Else the four are written once for all services, as one does.
    """
    out = ["version: mkit/v1", "system: bench", "channels: {hook: {kind: webhook, url: 'http://hook:1/'}}", "services:"]
    for i in range(services):
        out.append(
            f"  s{i}:\n    kind: http\n    scrape: {{targets: ['s{i}:8080']}}\n    resources: {{cpu: 1, memory: 1GiB}}"
        )
        out.append("    slos: {availability: {signal: errors, objective: 99.9%}}")
    out.append("alerts:")
    for i in range(services if own_alerts else 1):
        for name, when, severity in ALERTS:
            who = f"services: [s{i}], " if own_alerts else ""
            out.append(f"  {name}{i}: {{{who}when: '{when}', for: 5m, severity: {severity}}}")
    return "\n".join(out) + "\n"


def measure() -> list[Figure]:
    """All figures of the compiler. Wall seconds are medians; "processor" adds user and system time, which a busy machine blurs less.

    The limits stand on the strict reading of the promise: four alerts of its own for every service.
    """
    [run] = _in_turns(lambda _: [*MKIT, "--version"], runs=9)
    found = [Figure("mkit --version", "mkit", run.seconds * 1000, "ms", 120)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        [run] = _in_turns(lambda i: _generate(EXAMPLE, f"{folder}/example-{i}"), runs=7)
        found += [
            Figure("the example, unverified", "mkit", run.seconds, "s", 0.5),
            Figure("the example, processor", "mkit", run.cpu, "s"),
        ]
        thousand, figures = _system(folder, 1000, own_alerts=True)
        found += figures
        five, figures = _system(folder, 5000, own_alerts=True)
        # Nothing may grow faster than the system: five times the services, five times the time and a tenth for the noise.
        growth = Figure("5,000 services against 1,000, processor", "mkit", five.cpu / thousand.cpu, "times", 5.5)
        found += [*figures, growth]
        found += _system(folder, 1000, own_alerts=False)[1]
    return found


class Run(NamedTuple):
    """What some runs of one command took: medians of wall and processor seconds, and the largest peak memory in MiB."""

    seconds: float
    cpu: float
    peak: float


def _system(folder: Path, services: int, *, own_alerts: bool) -> tuple[Run, list[Figure]]:
    """The figures of a system of that many services; promised are those of 1,000."""
    what = f"{services:,} services, four alerts {'each' if own_alerts else 'shared by all'}"
    spec, out = folder / "spec.yaml", folder / f"{services}-{own_alerts}"
    spec.write_text(spec_of(services, own_alerts=own_alerts))
    promised = services == 1000
    run, again = _in_turns(
        lambda i: _generate(spec, f"{out}-{i}"),
        lambda i: [*_generate(spec, f"{out}-{i}"), "--check"],
        runs=3 if promised else 2,
    )
    size = sum(f.stat().st_size for f in Path(f"{out}-0").rglob("*") if f.is_file())
    return run, [
        Figure(what, "mkit", run.seconds, "s", 4.0 if promised else None),
        Figure(f"{what}, processor", "mkit", run.cpu, "s"),
        Figure(f"{what}, peak memory", "mkit", run.peak, "MiB", 400 if promised else None),
        Figure(f"{what}, written", "mkit", size / 1e6, "MB"),
        Figure(f"{what}, --check of an unchanged tree", "mkit", again.seconds, "s", run.seconds),
    ]


def _generate(spec: Path, out: str) -> list[str]:
    return [*MKIT, "generate", str(spec), "-o", out, "--no-verify", "--min-severity", "error"]


def _in_turns(*commands: Callable[[int], list[str]], runs: int) -> list[Run]:
    """Run what each makes of the number of the run, in turns: what a machine does meanwhile then hits all of them alike.

    Nothing is deleted in between: for minutes after it, ext4 passes over the inodes of deleted files one by one, and to create a
    file takes 0.7 ms instead of 0.03.
    """
    # As installed: pip compiles what it installs, and a checkout is compiled by its first run.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    measured: list[list[tuple[float, ...]]] = [[] for _ in commands]
    for i in range(runs):
        for command, found in zip(commands, measured, strict=True):
            done = subprocess.run(
                [sys.executable, "-c", _MEASURED, *command(i)],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            found.append(tuple(map(float, done.stdout.split())))
    made = []
    for found in measured:
        walls, cpus, peaks = zip(*found, strict=True)
        made.append(Run(statistics.median(walls), statistics.median(cpus), max(peaks)))
    return made
