"""The registry: families, collectors, and one scrape over all of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .budget import Budget
from .collector import Collector, Policy, ScrapeFailed
from .deadline import Deadline
from .errors import SpecError
from .family import KINDS, AnyFamily
from .gather import Gathered
from .selfmetrics import SelfMetrics
from .spec import MetricSpec, base_name
from .worker import Worker

if TYPE_CHECKING:
    from .mount import ForeignFamilies


class Registry:
    """Metric families and their collectors, under one namespace and one series cap.

    ``namespace`` prefixes the self metrics (``<namespace>_collector_success`` ...); ``max_series`` caps all families.
    """

    def __init__(self, namespace: str = "mkit_exporter", max_series: int | None = 10_000) -> None:
        self.namespace = namespace
        self.budget = Budget(max_series)
        self._families: dict[str, AnyFamily] = {}
        self._workers: dict[str, Worker] = {}
        self._foreign: list[ForeignFamilies] = []
        self.self_metrics = SelfMetrics(self)
        self._bases = set(self.self_metrics.bases)
        self._owned: dict[str, str] = {}
        self._lock = threading.Lock()

    def declare(self, spec: MetricSpec | Mapping[str, Any]) -> Any:
        """A new Counter, Gauge, Histogram or Info family. SpecError when it is wrong or its name is taken."""
        parsed = spec if isinstance(spec, MetricSpec) else MetricSpec.parse(spec)
        with self._lock:
            base = base_name(parsed)
            if base in self._bases:
                # x and x_total are one family in OpenMetrics, which knows it by the base name.
                raise SpecError(f"metric {parsed.name!r}: the family {base!r} is declared twice")
            family = KINDS[parsed.kind](parsed, self.budget)
            self._families[parsed.name] = family
            self._bases.add(base)
        return family

    def family(self, name: str) -> Any:
        """The declared family of that name; KeyError when there is none."""
        return self._families[name]

    @property
    def families(self) -> tuple[AnyFamily, ...]:
        """All declared families in the order of declaration."""
        return tuple(self._families.values())

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The registered collectors' workers."""
        return tuple(self._workers.values())

    def has_room(self, family: AnyFamily, label_sets: int) -> bool:
        """Whether the caps leave room for that many more label sets of the family."""
        cost = label_sets * family.spec.series_per_set
        cap, most = family.spec.max_series, self.budget.max_series
        return (cap is None or family.series + cost <= cap) and (most is None or self.budget.used + cost <= most)

    def register(
        self, collector: Collector, *, timeout: float | None = None, policy: Policy | None = None, cache: float = 0.0
    ) -> None:
        """Run this collector at each scrape. SpecError when its name or one of its families is taken."""
        with self._lock:
            if collector.name in self._workers:
                raise SpecError(f"collector {collector.name!r} is registered twice")
            for family in collector.families:
                if self._families.get(family.name) is not family:
                    raise SpecError(f"collector {collector.name!r}: {family.name!r} is not declared in this registry")
                owner = self._owned.setdefault(family.name, collector.name)
                if owner != collector.name:
                    raise SpecError(f"metric {family.name!r} belongs to collector {owner!r} already")
            self._workers[collector.name] = Worker(collector, timeout, policy or Policy.drop(), cache)

    def mount(
        self, collector: Any, *, name: str = "mounted", timeout: float | None = None, policy: Policy | None = None
    ) -> None:
        """Serve a ``prometheus_client`` collector (``collect()`` yields its Metric objects) beside ours.

        It runs and fails like any collector; families that clash with declared ones or with themselves are refused.
        """
        from .mount import MountedCollector

        mounted = MountedCollector(name, collector, self)
        with self._lock:
            if name in self._workers:
                raise SpecError(f"collector {name!r} is registered twice")
            self._foreign.append(mounted.foreign)
            self._workers[name] = Worker(mounted, timeout, policy or Policy.drop(), 0.0)

    @property
    def foreign(self) -> tuple[ForeignFamilies, ...]:
        """The mounted collectors' families."""
        return tuple(self._foreign)

    def taken(self, by: ForeignFamilies) -> frozenset[str]:
        """Family names (without ``_total``/``_info``) that others than ``by`` expose."""
        return frozenset(self._bases.union(*(other.names for other in self._foreign if other is not by)))

    def gather(self, deadline: Deadline) -> Gathered:
        """Run the collectors in parallel until the deadline and return what there is to expose.

        ScrapeFailed when a collector with policy ``fail`` failed.
        """
        waits = [(worker, worker.begin(deadline)) for worker in self._workers.values()]
        failures = {worker.name: reason for worker, wait in waits if (reason := wait(deadline)) is not None}
        for worker in self._workers.values():
            if worker.policy.kind == "fail" and worker.name in failures:
                raise ScrapeFailed(failures[worker.name], f"collector {worker.name}: {failures[worker.name]}")
        return Gathered(self, failures)

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """The value of one sample (``x_count``/``x_sum`` for histograms) as it stands; None when absent. For tests."""
        return Gathered(self, {}).value(name, labels or {})

    def close(self) -> None:
        """Close the collectors."""
        for worker in self._workers.values():
            worker.close()
