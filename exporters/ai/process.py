"""CPU and memory of the model's processes, found by the credentials that the kernel puts on their datagrams."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..runtime import Deadline, FamilyRows, Registry, Unsupported
from ..runtime.process import ProcessFigures, boot_time, read_process
from ..runtime.records import dataclass, field
from .families import model_process_specs

log = logging.getLogger(__name__)

MAX_PROCESSES = 256


@dataclass
class Processes:
    """The processes seen, their last figures, and the CPU seconds of ended ones; ``hidden`` once one has sent that cannot be seen.
    Outlives a reload."""

    pids: set[int] = field(default_factory=set)
    last: dict[int, ProcessFigures] = field(default_factory=dict)
    ended: float = 0.0
    hidden: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class ProcessCollector:
    """Figures of the processes that send. ``seen`` is called with each datagram's pid; 0 is another pid namespace."""

    name = "process"

    def __init__(
        self,
        model: tuple[str, str],
        registry: Registry,
        processes: Processes,
        read: Callable[[int], ProcessFigures | None] | None = None,
    ) -> None:
        self._model = model
        boot = boot_time() if os.path.exists("/proc/stat") else 0.0
        self._read = read or (lambda pid: read_process(boot, f"/proc/{pid}"))
        self._seen = processes
        self._families: dict[str, Any] = {
            short: registry.declare(spec) for short, spec in model_process_specs().items()
        }
        self.families = tuple(self._families.values())

    def seen(self, pid: int) -> None:
        """Note a sender."""
        if pid == 0:
            self._hide("they run in another pid namespace; let the model's container share the exporter's")
        if pid > 0 and pid not in self._seen.pids and len(self._seen.pids) < MAX_PROCESSES:
            with self._seen.lock:
                self._seen.pids.add(pid)

    def _hide(self, why: str) -> None:
        if not self._seen.hidden:
            self._seen.hidden = True
            log.warning("the model's processes cannot be seen, so there are no figures of them", extra={"err": why})

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows]:
        """Sums over the processes; nothing before the first datagram. Unsupported where senders cannot be seen: without this
        word an alert on their CPU would wait for ever, and all look well. A sum of which a part may not be read is left out.
        """
        with self._seen.lock:
            alive = self._alive()
            cpu = self._seen.ended + sum(figures.cpu_seconds for figures in alive.values())
            known = bool(self._seen.last) or self._seen.ended > 0
        if not known and self._seen.hidden:
            raise Unsupported("the model's processes cannot be seen")
        values = {
            "cpu_seconds_total": cpu,
            "resident_memory_bytes": sum(f.resident_bytes for f in alive.values()),
            "threads": sum(f.threads for f in alive.values()),
            "open_fds": sum(f.open_fds for f in alive.values()),
            "processes": float(len(alive)),
        }
        if alive:
            values["start_time_seconds"] = min(f.start_time for f in alive.values())
        for short, family in self._families.items():
            rows = [(self._model, values[short])] if known and short in values else []
            yield FamilyRows(family, rows)

    def _alive(self) -> dict[int, ProcessFigures]:
        """Figures by pid; what a process had used when it was last seen stays in the counter."""
        alive: dict[int, ProcessFigures] = {}
        for pid in list(self._seen.pids):
            figures, last = self._read(pid), self._seen.last.get(pid)
            reused = figures is not None and last is not None and figures.start_time != last.start_time
            if last is not None and (figures is None or reused):
                self._seen.ended += self._seen.last.pop(pid).cpu_seconds
            if figures is None or reused:
                # A number given to another process belongs to it only once that one has sent something.
                self._seen.pids.discard(pid)
            else:
                alive[pid] = self._seen.last[pid] = figures
        return alive
