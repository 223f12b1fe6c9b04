"""``mkit test`` on a spec with a thousand alerts, as a whole process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.bench_compile import EXAMPLE, MKIT, spec_of
from tests.bench.figures import Figure

PACKS = Path(__file__).parents[1] / "data/all-packs.mkit.yaml"


def measure() -> list[Figure]:
    """Seconds for a thousand alerts and more, and for the example; the share of the mutants of it and of all packs that no test
    catches."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "mkit.yaml"
        spec.write_text(spec_of(84))
        seconds, result = _test(spec)
        alerts = sum(rule["type"] == "alert" for rule in result["rules"])
        assert alerts >= 1000, alerts
        found.append(Figure(f"mkit test, {alerts:,} alerts", "mkit", seconds, "s", 60))
        found.append(
            Figure(f"mkit test, {alerts:,} alerts, not seen to fire", "mkit", (1 - result["coverage"]) * 100, "%", 0)
        )
    seconds, result = _test(EXAMPLE)
    found.append(Figure("mkit test, the example", "mkit", seconds, "s"))
    for name, spec in (("the example", EXAMPLE), ("all packs", PACKS)):
        seconds, result = _test(spec, "--mutate")
        missed = (1 - result["mutants"]["share"]) * 100
        found.append(Figure(f"mutants of {name}", "mkit", sum(result["mutants"]["made"].values()), "mutants"))
        found.append(Figure(f"mutants of {name} that no test catches", "mkit", missed, "%", 5))
        found.append(Figure(f"mkit test --mutate, {name}", "mkit", seconds, "s"))
    return found


def _test(spec: Path, *more: str) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    done = subprocess.run([*MKIT, "test", str(spec), "--format", "json", *more], stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.stderr.write(done.stdout.decode()[-2000:])
        raise SystemExit(f"mkit test failed on {spec}")
    return seconds, json.loads(done.stdout)
