"""What an exporter says about itself: build, process, collectors, drops, reloads, size."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from .budget import Budget
from .family import KINDS, AnyFamily, Histogram
from .process import boot_time, read_process
from .selfspecs import own_specs, process_specs
from .spec import MetricSpec, base_name

if TYPE_CHECKING:
    from .registry import Registry


class ReloadState:
    """How the configuration got here; shared by the exporters that follow each other.

    ``web_usable``: whether the web configuration on disk is the one in force.
    """

    def __init__(self) -> None:
        self.successful = True
        self.web_usable = True
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
        self._own = {suffix: self._family(spec) for suffix, spec in own_specs(registry.namespace).items()}
        self._proc = {field: self._family(spec) for field, spec in process_specs().items()}

    def _family(self, spec: MetricSpec) -> AnyFamily:
        return KINDS[spec.kind](spec, self._budget)

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
            _set(own["config_last_reload_successful"], int(self.reload.successful and self.reload.web_usable))
            _set(own["config_last_reload_success_timestamp_seconds"], self.reload.timestamp)
        figures = read_process(self._boot) if self.process else None
        if figures is not None:
            for field, family in self._proc.items():
                _set(family, getattr(figures, field))


def _set(family: AnyFamily, value: float) -> None:
    if not isinstance(family, Histogram):
        family.labels().value = value
