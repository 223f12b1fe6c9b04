"""``--config.check``: every query runs once, nothing is saved, the exact samples are printed."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Iterator
from typing import Any, TextIO

from ..runtime import Deadline, Exporter
from .config import Config
from .drops import Refused, drops, nothing_left, summary
from .state import state_fault


class Warnings(logging.Handler):
    """Keeps each collector's last warning that says why, to print it beside the collector; the AI exporter's check does too."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        name, cause = str(getattr(record, "collector", "")), str(getattr(record, "err", ""))
        if cause:
            self.found[name] = cause
        else:
            # Of rows refused and then the family failed, the first says why.
            self.found.setdefault(name, record.getMessage())


def _only(exposition: str, names: Container[str]) -> Iterator[str]:
    """The lines of the families called so: a family begins with its HELP line."""
    wanted = False
    for line in exposition.splitlines(keepends=True):
        if line.startswith("# HELP "):
            wanted = line.split(" ", 3)[2] in names
        if wanted:
            yield line


def _nulls(exporter: Exporter, metric: str) -> str:
    """``, 2 NULL values left out``; empty when the answer had none."""
    family: Any = exporter.registry.family(f"{exporter.registry.namespace}_null_values_total")
    count = family.labels(metric).value
    return f", {count:g} NULL {'value' if count == 1 else 'values'} left out" if count else ""


def _limit(config: Config) -> float:
    """Seconds in which every query can use up its own limits.

    Queries of one source run one after another, and after each that failed it may be connected to anew.
    """
    metrics = config.metrics.values()
    return 1.0 + sum(metric.timeout + config.sources[metric.source].timeout for metric in metrics)


def check(config: Config, exporter: Exporter, refused: Refused, out: TextIO, err: TextIO) -> int:
    """Samples to ``out``, one line a metric to ``err``; 0 when all is well, else 1.

    ``refused`` is the witness that the exporter was made with. All is well when every query gave a valid answer of which something is shown, and serving could keep its state.
    """
    root = logging.getLogger()
    handlers, last = root.handlers[:], Warnings()
    root.handlers[:] = [last]
    try:
        began = time.monotonic()
        gathered = exporter.registry.gather(Deadline.after(_limit(config)))
        failures, exposition = gathered.failures, gathered.render("text").decode()
        took = time.monotonic() - began
    finally:
        root.handlers[:] = handlers
    out.writelines(_only(exposition, config.metrics))
    offered = {worker.name: int(getattr(worker.collector, "offered", 0)) for worker in exporter.registry.workers}
    failed = False
    for name, metric in config.metrics.items():
        family = exporter.registry.family(name)
        gone = drops(exporter.registry.budget, name)
        fault = nothing_left(metric.spec, gone, offered[name], family.series, refused.of(name))
        if name in failures:
            fault = f"{failures[name]}: {last.found.get(name, 'no answer')}"
        failed = failed or bool(fault)
        verdict = f"{family.series} series{summary(gone, refused.of(name))}{_nulls(exporter, name)}"
        err.write(f"{'FAILED' if fault else 'ok    '} {name} ({metric.source}): {fault or verdict}\n")
    unkept = state_fault(config.state_file) if config.state_file is not None else ""
    if unkept:
        err.write(f"FAILED {unkept}\n")
    err.write(f"{len(config.metrics) - len(failures)} of {len(config.metrics)} queries answered in {took:.2f} s\n")
    for hook in exporter.close:
        hook()
    exporter.registry.close()
    return 1 if failed or unkept else 0
