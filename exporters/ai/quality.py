"""Quality from ground truth: takes predictions and truths, and is the collector of what they say together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..runtime import Deadline, FamilyRows, Registry
from .catalog import MODEL_LABELS, prefixed
from .config_quality import BY_KIND, QualityConfig
from .fact import Known, check
from .handed import Handed
from .intake import Fact
from .join import Join
from .observe import observe_all
from .scores import CountSums, class_scores, count_scores

log = logging.getLogger(__name__)

DELAYS = (60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
_SIDES = {"p": "prediction", "t": "truth"}
# tally -> metric, help; with the labels model, version and the group.
_PAIR_COUNTERS = {
    "count": {
        "evaluated": ("evaluated_windows_total", "Windows whose prediction and truth met."),
        "truth_objects": ("truth_objects_total", "Objects that truth says were there, in evaluated windows."),
        "counted_objects": ("counted_objects_total", "Objects that the model counted, in evaluated windows."),
        "overcount": ("overcount_objects_total", "Objects counted beyond the truth, window by window."),
        "undercount": ("undercount_objects_total", "Objects missed, window by window."),
    },
    "class": {"evaluated": ("evaluated_predictions_total", "Predictions whose truth is known.")},
}
_CLASS_COUNTERS = {
    "true_positives": ("eval_true_positives_total", "Predictions of the class that were right."),
    "false_positives": ("eval_false_positives_total", "Predictions of the class that were wrong."),
    "false_negatives": ("eval_false_negatives_total", "Members of the class predicted as something else."),
}
_SIDE_COUNTERS = {
    "late": ("facts_late_total", "Predictions or truths about events before the watermark; not applied."),
    "duplicate": ("facts_duplicate_total", "Predictions or truths that said again what was known."),
    "corrected": ("facts_corrected_total", "Predictions or truths that changed; gauges follow, counters cannot."),
    "refused": ("facts_refused_total", "Predictions or truths about the future; not applied."),
}
_PLAIN_COUNTERS = {
    "expired": ("predictions_expired_total", "Predictions whose truth never came."),
    "unmatched": ("truth_unmatched_total", "Truths about which the model never said anything."),
}
_GAUGES = {
    "accuracy": ("eval_accuracy_ratio", "Accuracy over the evaluation window; counting: 1 - WAPE, not below 0."),
    "precision": ("eval_precision_ratio", "Precision over the evaluation window."),
    "recall": ("eval_recall_ratio", "Recall over the evaluation window."),
    "f1": ("eval_f1_ratio", "F1 over the evaluation window."),
    "mae": ("count_mae_objects", "Mean absolute error of a window's count."),
    "wape": ("count_wape_ratio", "Absolute errors of all windows as a share of all true objects."),
    "bias": ("count_bias_ratio", "Over- minus undercount as a share of all true objects."),
}
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
        self._group: dict[str, Any] = {config.by: {"max": config.by_max, "else": "other"}} if config.by else {}
        self._counters = self._declare_counters()
        self._gauges = {
            short: self._declare(_GAUGES[short][0], "gauge", _GAUGES[short][1], self._group)
            for short in BY_KIND[config.kind]
        }
        self._samples = self._declare(
            "eval_samples", "gauge", "Predictions with known truth in the window.", self._group
        )
        self._coverage = self._declare(
            "eval_coverage_ratio", "gauge", "Share of the window's predictions whose truth is known.", self._group
        )
        self._watermark = self._declare(
            "eval_watermark_timestamp_seconds", "gauge", "Truth about events before this Unix time is late.", {}
        )
        self.delay = self._declare(
            "truth_delay_seconds", "histogram", "From the event to its truth.", {}, buckets=list(DELAYS)
        )
        self._published = published
        const = [*(family for family, _ in self._counters.values()), *self._gauges.values()]
        self.families = (*const, self._samples, self._coverage, self._watermark, *published.values())

    def _declare(self, short: str, kind: str, text: str, extra: dict[str, Any], **more: Any) -> Any:
        labels = {**{label: {} for label in MODEL_LABELS}, **extra}
        return self._registry.declare({"name": prefixed(short), "type": kind, "help": text, "labels": labels, **more})

    def _declare_counters(self) -> dict[str, tuple[Any, str]]:
        """tally -> (family, which labels it has)."""
        out: dict[str, tuple[Any, str]] = {}
        for tally, (short, text) in _PAIR_COUNTERS[self._config.kind].items():
            out[tally] = (self._declare(short, "counter", text, self._group), "pair")
        if self._config.kind == "class":
            for tally, (short, text) in _CLASS_COUNTERS.items():
                labels = {**self._group, "class": {"max": 100, "else": "other"}}
                out[tally] = (self._declare(short, "counter", text, labels), "class")
        for tally, (short, text) in _SIDE_COUNTERS.items():
            side = {"side": {"allow": list(_SIDES.values())}}
            out[tally] = (self._declare(short, "counter", text, side), "side")
        for tally, (short, text) in _PLAIN_COUNTERS.items():
            out[tally] = (self._declare(short, "counter", text, {}), "plain")
        return out

    def take(self, facts: Sequence[Fact]) -> int:
        """Keep facts, durably when this returns; the number of malformed ones."""
        known, bad = self._checked(facts)
        self._apply(known, reread=False)
        return bad

    def read(self, facts: Sequence[Fact]) -> int:
        """Keep the truths of a table that is read again and again; the number of malformed ones."""
        known, bad = self._checked(facts)
        self._apply(known, reread=True)
        return bad

    def _checked(self, facts: Iterable[Fact]) -> tuple[list[Known], int]:
        known, bad = [], 0
        for fact in facts:
            try:
                known.append(check(fact, self._config, self._model[1]))
            except (ValueError, TypeError, OverflowError):
                bad += 1
        return known, bad

    def _apply(self, known: list[Known], reread: bool) -> None:
        with self._lock:
            found = self.join.apply(known, reread)
        if found:
            self._delays.write(lambda family: observe_all(family.labels(*self._model), found))

    # -- exposition ---------------------------------------------------------------------------------------------------

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows]:
        """All counters, and the gauges of the window that ends with the newest event."""
        with self._lock:
            tallies, newest, watermark = dict(self.join.tallies), self.join.newest, self.join.watermark
            windows = self._windows(newest - self._config.window)
        yield from self._counter_rows(tallies)
        yield from self._gauge_rows(windows)
        model = self._model
        yield FamilyRows(self._watermark, [(model, watermark)] if newest else [])

    def _counter_rows(self, tallies: dict[tuple[str, str, str, str], float]) -> Iterator[FamilyRows]:
        name, version = self._model
        for tally, (family, form) in self._counters.items():
            rows: dict[tuple[str, ...], float] = {}
            if form == "side":
                rows = {(name, version, side): 0.0 for side in _SIDES.values()}
            elif form == "plain" or (form == "pair" and not self._config.by):
                rows[(name, version)] = 0.0
            for (found, its_version, group, cls), value in tallies.items():
                if found != tally:
                    continue
                groups = (group,) if self._config.by else ()
                labels: tuple[str, ...] = {
                    "pair": (name, its_version, *groups),
                    "class": (name, its_version, *groups, cls),
                    "side": (name, version, _SIDES.get(cls, cls)),
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
