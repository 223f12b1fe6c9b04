"""What an exporter says about itself: build, process, collectors, drops, reloads, size."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from .budget import Budget
from .family import KINDS, AnyFamily, Histogram
from .process import boot_time, read_process
from .spec import LabelSpec, MetricSpec, base_name

if TYPE_CHECKING:
    from .registry import Registry

# suffix, type, labels, help
_OWN = (
    ("collector_success", "gauge", ("collector",), "Whether the collector's last run succeeded."),
    ("collector_supported", "gauge", ("collector",), "Whether what the collector reads exists here."),
    ("collector_duration_seconds", "gauge", ("collector",), "How long the collector's last run took."),
    (
        "collector_last_success_timestamp_seconds",
        "gauge",
        ("collector",),
        "When the collector last succeeded, Unix time.",
    ),
    ("collector_errors_total", "counter", ("collector", "reason"), "Failed runs and families of the collector."),
    ("series_dropped_total", "counter", ("metric", "reason"), "Samples dropped or folded to keep the series budget."),
    ("series", "gauge", (), "Series of declared metrics at the last scrape."),
    ("series_limit", "gauge", (), "Series that the exporter may serve; what is above is dropped."),
    ("last_exposition_bytes", "gauge", (), "Size of the previous exposition before compression."),
    ("config_last_reload_successful", "gauge", (), "Whether the last configuration reload succeeded."),
    (
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        (),
        "When the configuration was last loaded successfully, Unix time.",
    ),
)
_PROCESS = (
    ("cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", "cpu_seconds"),
    ("resident_memory_bytes", "gauge", "Resident memory size in bytes.", "resident_bytes"),
    ("virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", "virtual_bytes"),
    ("start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.", "start_time"),
    ("open_fds", "gauge", "Number of open file descriptors.", "open_fds"),
    ("max_fds", "gauge", "Maximum number of open file descriptors.", "max_fds"),
    ("threads", "gauge", "Number of threads of the process.", "threads"),
)


class ReloadState:
    """How the configuration got here; shared by the exporters that follow each other."""

    def __init__(self) -> None:
        self.successful = True
        self.timestamp = 0.0


class SelfMetrics:
    """The self metrics of one registry. ``families()`` is the current state; it takes no part in the series cap."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._budget = Budget(None)
        self._boot = boot_time()
        self._lock = threading.Lock()
        self.version = ""
        self.process = True
        self.reload: ReloadState | None = None
        self.last_bytes = 0
        ns = registry.namespace
        self._own = {suffix: self._family(f"{ns}_{suffix}", kind, labels, text) for suffix, kind, labels, text in _OWN}
        self._own["build_info"] = self._family(
            f"{ns}_build_info", "info", ("version", "python_version"), "Version of the exporter and of its runtime."
        )
        self._proc = {
            field: self._family(f"process_{suffix}", kind, (), text) for suffix, kind, text, field in _PROCESS
        }

    def _family(self, name: str, kind: str, labels: tuple[str, ...], text: str) -> AnyFamily:
        spec = MetricSpec(name, kind, text, labels=tuple(LabelSpec(label) for label in labels))
        return KINDS[kind](spec, self._budget)

    @property
    def bases(self) -> frozenset[str]:
        """The base names that declared families must not use."""
        return frozenset(base_name(family.spec) for family in (*self._own.values(), *self._proc.values()))

    def families(self) -> list[AnyFamily]:
        """All self families, filled in now, in a stable order."""
        with self._lock:
            self._fill()
            return [*self._own.values(), *(self._proc.values() if self.process else ())]

    def _fill(self) -> None:
        own, workers = self._own, self._registry.workers
        build = (self.version, sys.version.partition(" ")[0])
        if [child.values for child in own["build_info"].children()] != [build]:
            own["build_info"].replace([(build, 1)])
        states = [(worker.name, worker.state) for worker in workers]
        own["collector_success"].replace([((name,), int(state.success)) for name, state in states])
        own["collector_supported"].replace([((name,), int(state.supported)) for name, state in states])
        own["collector_duration_seconds"].replace([((name,), state.duration) for name, state in states])
        own["collector_last_success_timestamp_seconds"].replace(
            [((name,), state.last_success) for name, state in states if state.last_success is not None]
        )
        own["collector_errors_total"].replace(
            [((name, reason), count) for name, state in states for reason, count in sorted(state.errors.items())]
        )
        own["series_dropped_total"].replace(list(self._registry.budget.dropped().items()))
        _set(own["series"], self._registry.budget.used)
        limit = self._registry.budget.max_series
        own["series_limit"].replace([] if limit is None else [((), limit)])
        _set(own["last_exposition_bytes"], self.last_bytes)
        if self.reload is not None:
            _set(own["config_last_reload_successful"], int(self.reload.successful))
            _set(own["config_last_reload_success_timestamp_seconds"], self.reload.timestamp)
        figures = read_process(self._boot) if self.process else None
        if figures is not None:
            for field, family in self._proc.items():
                _set(family, getattr(figures, field))


def _set(family: AnyFamily, value: float) -> None:
    if not isinstance(family, Histogram):
        family.labels().value = value
