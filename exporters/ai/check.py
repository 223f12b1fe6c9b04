"""``--config.check``: truth and the scraped endpoint are asked once, nothing is saved, the samples of a scrape are printed."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TextIO

from ..business.check import Warnings
from ..runtime import Deadline, Exporter
from .config import Config
from .facts_store import state_fault
from .truth_poll import TruthPoll


class _Causes(Warnings):
    """All that a collector's warnings say, not the last alone: each of its families may have a fault of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        name, cause = str(getattr(record, "collector", "")), str(getattr(record, "err", ""))
        before = self.found.get(name, "") if cause else ""
        super().emit(record)
        if before and before != "family failed":
            self.found[name] = f"{before}; {cause}"


def check(config: Config, exporter: Exporter, polls: Sequence[TruthPoll], out: TextIO, err: TextIO) -> int:
    """Samples to ``out``, one line a query to ``err``; 0 when everything asked gave a valid answer and serving could keep its state, else 1."""
    root = logging.getLogger()
    handlers, warned = root.handlers[:], _Causes()
    root.handlers[:] = [warned]
    began = time.monotonic()
    try:
        # Truth first: the scrape then shows what came of it.
        lines = [_truth(config, poll) for poll in polls]
        longest = config.scrape.timeout if config.scrape else 0.0
        gathered = exporter.registry.gather(Deadline.after(2.0 + longest))
        failures, exposition = gathered.failures, gathered.render("text").decode()
        took = time.monotonic() - began
    finally:
        root.handlers[:] = handlers
    out.write(exposition)
    if config.scrape is not None and "scrape" not in failures:
        series = sum(exporter.registry.family(name).series for name in config.scrape.specs)
        (worker,) = (worker for worker in exporter.registry.workers if worker.name == "scrape")
        unmatched = ", ".join(worker.collector.unmatched)  # type: ignore[attr-defined]
        more = f"; nothing matched: {unmatched}" if unmatched else ""
        # An endpoint of which the mapping knows nothing is most likely another one than was meant.
        verdict = "ok    " if series else "FAILED"
        lines.append(f"{verdict} scrape ({config.scrape.url}): {series} series{more}")
    asked = len(polls) + (config.scrape is not None)
    for name, reason in sorted(failures.items()):
        place = f"scrape ({config.scrape.url})" if name == "scrape" and config.scrape else f"collector {name}"
        lines.append(f"FAILED {place}: {reason}: {warned.found.get(name, 'no answer')}")
    unkept = state_fault(config.quality.state_file) if config.quality is not None else ""
    if unkept:
        lines.append(f"FAILED {unkept}")
    err.writelines(f"{line}\n" for line in lines)
    failed = [line for line in lines if line.startswith("FAILED")]
    if asked:
        bad = sum(line.startswith(("FAILED truth", "FAILED scrape")) for line in failed)
        err.write(f"{asked - bad} of {asked} queries answered in {took:.2f} s\n")
    for hook in exporter.close:
        hook()
    exporter.registry.close()
    return 1 if failed else 0


def _truth(config: Config, poll: TruthPoll) -> str:
    kind = config.quality.truth.source.kind if config.quality and config.quality.truth else ""
    answer = poll.poll()
    if answer.fault:
        return f"FAILED truth ({kind}): {answer.fault}"
    senseless = f"{answer.bad} of {answer.rows} rows make no sense as key and truth"
    # Serving leaves such rows out and counts them; the others do their work. Without any other there is no truth.
    if answer.bad and answer.bad == answer.rows:
        return f"FAILED truth ({kind}): row: {senseless}"
    return f"ok     truth ({kind}): {answer.rows} rows" + (f"; {senseless} (reason `row`)" if answer.bad else "")
