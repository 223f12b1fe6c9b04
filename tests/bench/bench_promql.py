"""PromQL: parsing, checking and linting (corpus: tests/data/promql_corpus.txt.gz, see docs/performance.md)"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from monitoring_kit.checks.engine import findings, subject
from monitoring_kit.promql import parse
from monitoring_kit.promql.catalog import load_catalog, shipped_catalogs
from monitoring_kit.promql.world import World, lint_world
from tests.bench.corpus import corpus
from tests.bench.figures import Figure, whole_process

WHO = "one core"


def measure() -> list[Figure]:
    """Times per expression, so that a figure above its target is too slow; memory as bytes per expression."""
    lines = corpus()
    world = lint_world(load_catalog(name) for name in shipped_catalogs())
    check_all(lines[:100], world)
    parsing = fastest(lambda: [parse(line, variables=True) for line in lines]) / len(lines)
    checking = fastest(lambda: check_all(lines, world)) / len(lines)
    return [
        Figure("expressions in the corpus", "", len(lines), ""),
        Figure("parse an expression", WHO, parsing * 1e6, "µs", 1e6 / 15_000),
        Figure("parse a second", WHO, 1 / parsing, "expressions"),
        Figure("parse and check an expression", WHO, checking * 1e6, "µs", 1e6 / 4_000),
        Figure("parse and check a second", WHO, 1 / checking, "expressions"),
        Figure("memory kept for one more expression checked", WHO, kept(lines, world), "bytes", 256),
        *linting(),
    ]


def fastest(function: Callable[[], object], runs: int = 5) -> float:
    """The fastest of some runs in processor seconds: what the code costs, not what else the machine does."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def check_all(lines: list[str], world: World) -> int:
    """Parse and check as `mkit lint` does an alert; the number of findings."""
    found = 0
    for line in lines:
        expr = parse(line, variables=True)
        use = "panel" if "$" in line else "alert"
        found += len(findings(subject(use, "Bench", expr, world, line, for_ms=300_000, interval_ms=60_000)))  # type: ignore[arg-type]
    return found


def kept(lines: list[str], world: World) -> float:
    """Bytes that stay allocated for each expression after it was checked, once all caches have seen the corpus."""
    check_all(lines, world)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    check_all(lines, world)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / len(lines)


def linting(alerts: int = 1000) -> list[Figure]:
    """`mkit lint` of so many alerts, started as a program."""
    chosen = [line for line in corpus() if "$" not in line]
    rules = []
    for number in range(alerts):
        expr = chosen[number * len(chosen) // alerts].replace("'", "''")
        rules.append(
            f"      - alert: Alert{number}\n        expr: '{expr}'\n        for: 5m\n        labels: {{severity: warning}}\n"
            "        annotations: {summary: '{{ $labels.instance }} of {{ $labels.job }} is at {{ $value | humanize }}'}\n"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yml"
        path.write_text("groups:\n  - name: bench\n    rules:\n" + "".join(rules))
        base = [sys.executable, "-m", "monitoring_kit", "lint", str(path), "--fail-on", "error", "--format", "json"]
        # Exit code 1 for findings is expected here, so the shell-free wrapper answers for it.
        wrapper = [
            sys.executable,
            "-c",
            "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode not in (0, 1))",
        ]
        plain, memory = whole_process([*wrapper, *base], 3)
        full, _ = whole_process(
            [*wrapper, *base, *(part for name in shipped_catalogs() for part in ("--catalog", name))], 3
        )
    return [
        Figure(f"lint {alerts} alerts, wall with start-up", "mkit lint", plain, "s", 2),
        Figure(f"lint {alerts} alerts with all shipped catalogs", "mkit lint", full, "s"),
        Figure("peak memory of that", "mkit lint", memory, "MiB"),
    ]
