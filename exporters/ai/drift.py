"""Drift of what the model sees or says, against a baseline, over a ring of tumbling sub-windows."""

from __future__ import annotations

import logging
import random
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..runtime import Deadline, FamilyRows, Registry
from .config_drift import DriftConfig
from .drift_math import ks, ks_threshold, psi, psi_threshold
from .families import drift_specs
from .reference import Baseline, Reference

log = logging.getLogger(__name__)

RESERVOIR = 20_000


class Ring:
    """Counts by bin in tumbling sub-windows; whole sub-windows expire. Not locked."""

    def __init__(self, reference: Reference, seconds: float, slots: int, clock: Callable[[], float]) -> None:
        self.reference = reference
        self._width = seconds / slots
        self._slots = slots
        self._clock = clock
        self._counts: dict[int, list[int]] = {}

    def add(self, values: Sequence[float], counts: Sequence[int]) -> None:
        """Count observations into the sub-window of now."""
        now = int(self._clock() / self._width)
        bins = self._counts.get(now)
        if bins is None:
            bins = self._counts[now] = [0] * (len(self.reference.grid) + 1)
            for old in [slot for slot in self._counts if slot <= now - self._slots]:
                del self._counts[old]
        grid = self.reference.grid
        for value, count in zip(values, counts, strict=True):
            bins[bisect_left(grid, value)] += count

    def merged(self) -> list[int]:
        """The counts of the whole window."""
        oldest = int(self._clock() / self._width) - self._slots
        live = [bins for slot, bins in list(self._counts.items()) if slot > oldest]
        return [sum(column) for column in zip(*live, strict=True)] if live else []


class Reservoir:
    """A uniform sample of all observations since the start (Vitter's algorithm R), to make a baseline from."""

    def __init__(self, size: int = RESERVOIR) -> None:
        self._size = size
        self._seen = 0
        self.values: list[float] = []
        self._random = random.Random(0)  # noqa: S311 - a sample, no secret

    def add(self, values: Sequence[float], counts: Sequence[int]) -> None:
        """Offer observations. The work is bounded, whatever the counts: they are what a sender says."""
        if sum(counts) > self._size:
            self._add_many(values, counts)
            return
        for value, count in zip(values, counts, strict=True):
            for _ in range(count):
                self._seen += 1
                if len(self.values) < self._size:
                    self.values.append(value)
                else:
                    place = self._random.randrange(self._seen)
                    if place < self._size:
                        self.values[place] = value

    def _add_many(self, values: Sequence[float], counts: Sequence[int]) -> None:
        """More observations than the sample holds, without going through them one by one.

        Each step j puts its observation at a given place with the chance 1/j, so one seen before is still there after
        steps s + 1 to s + n with the chance s / (s + n): the product of (1 - 1/j).
        """
        choose, free = self._random.choices, self._size - len(self.values)
        self.values += choose(values, counts, k=free)
        self._seen += free
        new = sum(counts) - free
        self._seen += new
        share = new / self._seen
        gone = [place for place in range(self._size) if self._random.random() < share]
        for place, value in zip(gone, choose(values, counts, k=len(gone)), strict=True):
            self.values[place] = value


class Drift:
    """Watches features and is the collector of the drift gauges."""

    name = "drift"

    def __init__(
        self,
        config: DriftConfig,
        model: tuple[str, str],
        baseline: Baseline | None,
        registry: Registry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._model = model
        self._lock = threading.Lock()
        self.reservoirs = {feature: Reservoir() for feature in config.features}
        usable = baseline is not None and baseline.version == model[1]
        if baseline is not None and not usable:
            log.warning(
                "the baseline is of another model version; drift is not judged", extra={"baseline": baseline.version}
            )
        references = baseline.features if baseline is not None and usable else {}
        self._rings = {
            feature: Ring(references[feature], config.window, config.sub_windows, clock)
            for feature in config.features
            if feature in references
        }
        # Where no baseline is named nobody asked for a judgement; one that is not there, or does not fit, keeps it from whoever did.
        specs = drift_specs() if config.baseline is not None else {}
        self._usable = {feature: feature in references for feature in config.features}
        self._families = {short: registry.declare(spec) for short, spec in specs.items()}
        self.families = tuple(self._families.values())

    def watcher(self, feature: str) -> Callable[[Sequence[float], Sequence[int]], None]:
        """What takes the feature's observations."""
        sinks: list[Any] = [self.reservoirs[feature]]
        if feature in self._rings:
            sinks.append(self._rings[feature])

        def watch(values: Sequence[float], counts: Sequence[int]) -> None:
            with self._lock:
                for sink in sinks:
                    sink.add(values, counts)

        return watch

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows]:
        """Scores, thresholds and sizes; scores and thresholds are absent under ``min_samples``, all of them where no baseline is named."""
        rows: dict[str, list[tuple[tuple[str, ...], float]]] = {short: [] for short in self._families}
        if not rows:
            return
        rows["drift_baseline_usable"] = [((*self._model, name), float(fits)) for name, fits in self._usable.items()]
        for feature, ring in self._rings.items():
            with self._lock:
                counts = ring.merged()
            for method, score, threshold in self._judged(ring.reference, counts):
                labels = (*self._model, feature, method)
                rows["drift_samples"].append((labels, float(sum(counts))))
                if score is not None:
                    rows["drift_score"].append((labels, score))
                    rows["drift_threshold"].append((labels, threshold))
        for short, family in self._families.items():
            yield FamilyRows(family, rows[short])

    def _judged(self, ref: Reference, counts: list[int]) -> Iterator[tuple[str, float | None, float]]:
        size, alpha = sum(counts), self._config.alpha
        if size < self._config.min_samples:
            yield from (("psi", None, 0.0), ("ks", None, 0.0))
            return
        yield "psi", psi(ref.merged(counts), ref.fractions), psi_threshold(alpha, size, ref.size, ref.fractions)
        yield "ks", ks(counts, ref.grid_fractions), ks_threshold(alpha, size, ref.size)

    def samples(self) -> dict[str, list[float]]:
        """The sampled observations of each feature."""
        with self._lock:
            return {feature: list(reservoir.values) for feature, reservoir in self.reservoirs.items()}
