"""Figures: what a benchmark measured, next to what was promised."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure; ``target`` is the promised upper bound, None where nothing is promised."""

    what: str
    who: str
    value: float
    unit: str
    target: float | None = None


# prometheus_client's counter.inc(), in nanoseconds, on the machine whose measurements the promises were made from.
_PEER_INC = 270.0
_PACE = "this machine against that of the promises"
_TIMES = ("ns", "us", "ms")


def pace(peer_inc: float) -> Figure:
    """How many times as long this machine takes as that of the promises; ``peer_inc`` is the same call here, in nanoseconds."""
    return Figure(_PACE, "prometheus_client inc", peer_inc / _PEER_INC, "x")


def table(figures: Sequence[Figure]) -> str:
    """The figures for people: one over its target is marked with ``!``, a time that is over it only by this machine's pace with ``~``."""
    slower = max(1.0, min((f.value for f in figures if f.what == _PACE), default=1.0))
    rows = [("what", "who", "measured", "promised")]
    marks = set()
    for f in figures:
        over = f.target is not None and f.value > f.target
        allowed = f.target is not None and f.unit in _TIMES and f.value <= f.target * slower
        mark = "" if not over else " ~" if allowed else " !"
        marks.add(mark)
        rows.append(
            (f.what, f.who, f"{f.value:,.4g} {f.unit}{mark}", "" if f.target is None else f"<= {f.target:g} {f.unit}")
        )
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    told = ["! over the promise"] if " !" in marks else []
    if " ~" in marks:
        told.append(
            f"~ over it here; on the machine of the promises, {slower:.2f} times as fast by the peer's call, it would be within"
        )
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *told])


def as_json(figures: Sequence[Figure]) -> str:
    """The same for machines."""
    return json.dumps([asdict(f) for f in figures], indent=2)


def whole_process(command: Sequence[str], runs: int = 5) -> tuple[float, float]:
    """Median wall seconds of ``command`` and the largest peak memory (MiB) of its runs; it must succeed each time."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def median(function: Callable[[], object], runs: int = 5) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
