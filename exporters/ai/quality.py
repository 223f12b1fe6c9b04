"""Quality from ground truth: takes predictions and truths, and is the collector of what they say together."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..runtime import Deadline, FamilyError, FamilyRows, Registry
from .config_quality import QualityConfig
from .fact import Known, TooLarge, check
from .families import SIDES, quality_specs
from .handed import Handed
from .intake import Fact
from .join import Join
from .observe import observe_all
from .scores import CountSums, class_scores, count_scores

log = logging.getLogger(__name__)

# Facts come many times a second.
SAY_SECONDS = 60.0

_SUM = "COUNT(*), SUM(pred), SUM(truth), SUM(MAX(pred - truth, 0)), SUM(MAX(truth - pred, 0))"
_PAIRED = "FROM facts WHERE pred IS NOT NULL AND truth IS NOT NULL AND time > ?"


class Quality:
    """``take`` is called by the intake, ``read`` by the poll of a truth source, ``collect`` by scrapes."""

    name = "quality"

    def __init__(
        self,
        config: QualityConfig,
        model: tuple[str, str],
        registry: Registry,
        published: dict[str, Any],
        join: Join,
        delays: Handed,
    ) -> None:
        self._config = config
        self._model = model
        self.join = join
        self._delays = delays
        self._lock = join.lock
        self._store = join.store
        self._registry = registry
        specs = quality_specs(config)
        self._counters = {tally: (registry.declare(spec), form) for tally, (spec, form) in specs.counters.items()}
        self._gauges = {short: registry.declare(spec) for short, spec in specs.gauges.items()}
        self._samples = registry.declare(specs.samples)
        self._coverage = registry.declare(specs.coverage)
        self._watermark = registry.declare(specs.watermark)
        self.delay = registry.declare(specs.delay)
        self._published = published
        self._fault = ""
        self._say_at = 0.0
        const = [*(family for family, _ in self._counters.values()), *self._gauges.values()]
        self.families = (*const, self._samples, self._coverage, self._watermark, *published.values())

    def take(self, facts: Sequence[Fact]) -> dict[str, int]:
        """Keep facts, durably when this returns; how many make no sense, by reason. sqlite3.Error when none can be kept."""
        known, bad = self._checked(facts)
        self._apply(known, reread=False)
        return Counter(reason for reason, _ in bad)

    def read(self, facts: Sequence[Fact]) -> int:
        """Keep the truths of a table that is read again and again; the number that make no sense and were not in the last read.

        Of several truths about one thing the last one holds, and those that it contradicts make no sense. sqlite3.Error when none can be kept.
        """
        known, bad = self._checked(facts)
        latest = {item.key: item for item in known}
        self._apply(list(latest.values()), reread=True)
        senseless = Counter(hash((repr(fact.key), repr(fact.value))) for _, fact in bad)
        senseless += Counter(hash((item.key, item.value)) for item in known if item.value != latest[item.key].value)
        fresh = senseless - self.join.senseless
        self.join.senseless = senseless
        return fresh.total()

    def _checked(self, facts: Iterable[Fact]) -> tuple[list[Known], list[tuple[str, Fact]]]:
        known: list[Known] = []
        bad: list[tuple[str, Fact]] = []
        for fact in facts:
            try:
                known.append(check(fact, self._config, self._model[1]))
            except TooLarge:
                bad.append(("invalid_value", fact))
            except (ValueError, TypeError, OverflowError):
                bad.append(("malformed", fact))
        return known, bad

    def _apply(self, known: list[Known], reread: bool) -> None:
        try:
            with self._lock:
                found = self.join.apply(known, reread)
        except sqlite3.Error as error:
            self._unkept(str(error))
            raise
        self._fault = ""
        if found:
            self._delays.write(lambda family: observe_all(family.labels(*self._model), found))

    def _unkept(self, cause: str) -> None:
        """The state file cannot be written: scrapes say so until it can, the log at most once a minute."""
        self._fault = cause
        if (now := time.monotonic()) >= self._say_at:
            self._say_at = now + SAY_SECONDS
            log.error("predictions and truths cannot be kept: make room for the state file, or make it writable",
                      extra={"state_file": str(self._config.state_file), "err": cause})  # fmt: skip

    # -- exposition ---------------------------------------------------------------------------------------------------

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows | FamilyError]:
        """All counters, and the gauges of the window that ends with the newest event.

        While the last facts could not be kept the watermark fails with the reason ``state``.
        """
        with self._lock:
            tallies, newest, watermark = dict(self.join.tallies), self.join.newest, self.join.watermark
            windows = self._windows(newest - self._config.window)
        yield from self._counter_rows(tallies)
        yield from self._gauge_rows(windows)
        if self._fault:
            # The one family that says how far truth is taken in: beside it the others stay as they are.
            yield FamilyError(self._watermark, "state", f"state_file {self._config.state_file}: {self._fault}")
        else:
            yield FamilyRows(self._watermark, [(self._model, watermark)] if newest else [])

    def _counter_rows(self, tallies: dict[tuple[str, str, str, str], float]) -> Iterator[FamilyRows]:
        name, version = self._model
        for tally, (family, form) in self._counters.items():
            rows: dict[tuple[str, ...], float] = {}
            if form == "side":
                rows = {(name, version, side): 0.0 for side in SIDES.values()}
            elif form == "plain" or (form == "pair" and not self._config.by):
                rows[(name, version)] = 0.0
            for (found, its_version, group, cls), value in tallies.items():
                if found != tally:
                    continue
                groups = (group,) if self._config.by else ()
                labels: tuple[str, ...] = {
                    "pair": (name, its_version, *groups),
                    "class": (name, its_version, *groups, cls),
                    "side": (name, version, SIDES.get(cls, cls)),
                    "plain": (name, version),
                }[form]
                rows[labels] = rows.get(labels, 0.0) + value
            yield FamilyRows(family, list(rows.items()))

    def _windows(self, since: float) -> dict[tuple[str, str], tuple[int, int, dict[str, float]]]:
        """(version, group) -> (samples, predictions, scores); the group "" stands for all of a version."""
        out: dict[tuple[str, str], tuple[int, int, dict[str, float]]] = {}
        for by in ("''", "grp") if self._config.by else ("''",):
            sql = f"SELECT version, {by}, COUNT(*) FROM facts WHERE pred IS NOT NULL AND time > ? GROUP BY 1, 2"  # noqa: S608
            expected = {(version, group): count for version, group, count in self._store.rows(sql, since)}
            scores = self._count_scores(by, since) if self._config.kind == "count" else self._class_scores(by, since)
            for key, count in expected.items():
                samples, found = scores.get(key, (0, {}))
                out[key] = (samples, count, found)
        return out

    def _count_scores(self, by: str, since: float) -> dict[tuple[str, str], tuple[int, dict[str, float]]]:
        rows = self._store.rows(f"SELECT version, {by}, {_SUM} {_PAIRED} GROUP BY 1, 2", since)
        return {(row[0], row[1]): (row[2], count_scores(CountSums(*row[2:]))) for row in rows}

    def _class_scores(self, by: str, since: float) -> dict[tuple[str, str], tuple[int, dict[str, float]]]:
        sql = f"SELECT version, {by}, pred, truth, COUNT(*) {_PAIRED} GROUP BY 1, 2, 3, 4"
        pairs: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        for version, group, pred, truth, count in self._store.rows(sql, since):
            pairs.setdefault((version, group), {})[(pred, truth)] = count
        return {key: (sum(found.values()), class_scores(found)) for key, found in pairs.items()}

    def _gauge_rows(self, windows: dict[tuple[str, str], tuple[int, int, dict[str, float]]]) -> Iterator[FamilyRows]:
        gauges: dict[str, list[tuple[tuple[str, ...], float]]] = {short: [] for short in self._gauges}
        samples, coverage, published = [], [], []
        for (version, group), (count, expected, scores) in sorted(windows.items()):
            labels = (self._model[0], version, *((group,) if self._config.by else ()))
            samples.append((labels, float(count)))
            coverage.append((labels, count / expected))
            if count < self._config.min_samples:
                continue
            for short, value in scores.items():
                gauges[short].append((labels, value))
            if group == "":
                published.append((version, scores))
        for short, family in self._gauges.items():
            yield FamilyRows(family, gauges[short])
        yield FamilyRows(self._samples, samples)
        yield FamilyRows(self._coverage, coverage)
        yield from self._published_rows(published)

    def _published_rows(self, published: list[tuple[str, dict[str, float]]]) -> Iterator[FamilyRows]:
        for short, family in self._published.items():
            rows = []
            for version, scores in published:
                values = {"model": self._model[0], "version": version, "camera": ""}
                if short in scores:
                    rows.append((tuple(values[label] for label in family.label_names), scores[short]))
            yield FamilyRows(family, rows)
