"""How many series an expression can have and how many samples it reads, by the label budgets of the metric registry.

An upper bound, by this formula:

- a selector of a scraped metric: targets of the job x the product of its labels' budgets x the series of one child (a classic
  histogram's ``_bucket`` has one for each bucket and ``+Inf``). A budget is the number of a label's ``values``, else its ``max``,
  else 20 (`lower.limits`). ``label="x"`` counts as 1 and ``label=~"a|b"`` as 2,
  any matcher of a label whose values are declared as those that match. A job with discovery counts one target unless
  told otherwise.
- a recorded series: what the expression of its rule can have.
- an aggregation: the product of the labels that it keeps, but no more series than it reads. ``histogram_quantile`` drops ``le``.
- ``a op b``: no more than the smaller side one to one, the many side with ``group_left`` or ``group_right``; ``or`` the sum, ``and`` and
  ``unless`` the left side.
- samples read: of an instant selector one a series, of ``[range]`` range divided by the interval at which the series is scraped or
  recorded; a subquery reads its inside once a step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import field, replace

from monitoring_kit.conventions import SERVICE
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.limits import label_budget, series_bound, series_ceiling
from monitoring_kit.lower.model import Model, RecordingRule
from monitoring_kit.promql import Expr, ast, children
from monitoring_kit.promql.world import stems
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.resolve.system import ServiceView, System

_UNKNOWN_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Labels with how many values each can have, at most that many series, and the seconds between two samples."""

    labels: Mapping[str, int]
    series: int
    interval: float = _UNKNOWN_INTERVAL
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: Mapping[str, int], most: int, interval: float = _UNKNOWN_INTERVAL) -> Shape:
        """The shape with those labels and no more than ``most`` series."""
        return cls(labels, min(math.prod(labels.values()), most), interval)


NOTHING = Shape({}, 0)


@dataclass
class Cardinality:
    """Bounds for one system; ``targets`` says how many targets a job has where the spec does not."""

    system: System
    model: Model
    targets: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._records: dict[str, list[tuple[RecordingRule, float]]] = {}
        usual = self.system.spec.prometheus.evaluation_interval.seconds
        for group in self.model.groups:
            seconds = group.interval.seconds if group.interval else usual
            for rule in group.rules:
                if isinstance(rule, RecordingRule):
                    self._records.setdefault(rule.record, []).append((rule, seconds))
        self._shapes: dict[int, tuple[RecordingRule, Shape]] = {}
        self._step = usual

    def targets_of(self, view: ServiceView) -> int:
        """The targets of a service's job: as told, as written, else one."""
        scrape = view.spec.scrape
        if view.name in self.targets or scrape is None:
            return self.targets.get(view.name, 0)
        return len(scrape.targets) or 1

    def scraped(self, view: ServiceView) -> int:
        """The series of a service's scrape job, without those that Prometheus adds to every scrape."""
        known = self.system.registry.by_service.get(view.name, {})
        series, most = sum(series_bound(info) for info in known.values()), series_ceiling(self.system, view)
        return self.targets_of(view) * (series if most is None else min(series, most))

    def series(self, expr: Expr) -> int:
        """The most series that ``expr`` returns."""
        return self._shape(expr).series

    def samples(self, expr: Expr) -> int:
        """The most samples that one evaluation of ``expr`` reads."""
        if isinstance(expr, ast.VectorSelector):
            return self._shape(expr).series
        if isinstance(expr, ast.MatrixSelector):
            shape = self._shape(expr.vector)
            return math.ceil(shape.series * _seconds(expr.range) / shape.interval)
        if isinstance(expr, ast.Subquery):
            step = _seconds(expr.step) if expr.step is not None else self._step
            return math.ceil(self.samples(expr.expr) * max(1.0, _seconds(expr.range) / step))
        return sum(self.samples(child) for child in children(expr))

    def _shape(self, expr: Expr) -> Shape:
        if isinstance(expr, ast.VectorSelector):
            return self._selected(expr)
        if isinstance(expr, ast.Aggregate):
            return _aggregated(expr, self._shape(expr.expr))
        if isinstance(expr, ast.Binary):
            return self._binary(expr)
        if isinstance(expr, ast.Call):
            return self._called(expr)
        if isinstance(expr, ast.Number | ast.String):
            return NOTHING
        below = [self._shape(child) for child in children(expr)]
        return below[0] if below else NOTHING

    def _called(self, expr: ast.Call) -> Shape:
        if expr.func in ("absent", "absent_over_time", "vector"):
            return Shape({}, 1)
        if expr.func == "scalar":
            return NOTHING
        shape = max((self._shape(arg) for arg in expr.args), key=lambda s: s.series, default=NOTHING)
        if expr.func == "histogram_quantile" and "le" in shape.labels:
            children_ = math.ceil(shape.series / max(1, shape.labels["le"]))
            return Shape.of({n: c for n, c in shape.labels.items() if n != "le"}, children_, shape.interval)
        if expr.func == "label_replace" and len(expr.args) > 1 and isinstance(expr.args[1], ast.String):
            return replace(shape, labels={**shape.labels, expr.args[1].value: 1})
        return shape

    def _binary(self, expr: ast.Binary) -> Shape:
        left, right = self._shape(expr.lhs), self._shape(expr.rhs)
        if left is NOTHING or right is NOTHING:
            return right if left is NOTHING else left
        if expr.op == "or":
            labels = {n: max(left.labels.get(n, 1), right.labels.get(n, 1)) for n in {*left.labels, *right.labels}}
            return Shape(labels, left.series + right.series, left.interval)
        if expr.op in ("and", "unless"):
            return left
        many = expr.matching.group if expr.matching else None
        if many is not None:
            return left if many == "left" else right
        return min(left, right, key=lambda s: s.series)

    def _selected(self, selector: ast.VectorSelector) -> Shape:
        matchers = {m.name: m.value for m in selector.matchers if m.op == "="}
        service = matchers.get(SERVICE) or matchers.get("job")
        name = selector.name or matchers.get("__name__", "")
        recorded = [
            self._recorded(rule, seconds)
            for rule, seconds in self._records.get(name, ())
            if service in (None, rule.service, rule.labels.get(SERVICE))
        ]
        found = [_narrowed(shape, selector) for shape in (*recorded, *self._exposed(name, service))]
        if not found:
            return NOTHING_SELECTED
        labels = {n: max(s.labels.get(n, 1) for s in found) for s in found for n in s.labels}
        return Shape(labels, sum(s.series for s in found), min(s.interval for s in found))

    def _recorded(self, rule: RecordingRule, seconds: float) -> Shape:
        known = self._shapes.get(id(rule))
        if known is None:
            self._shapes[id(rule)] = (rule, NOTHING_SELECTED)  # A rule that reads itself.
            shape = self._shape(rule.expr)
            labels = {**shape.labels, **dict.fromkeys(rule.labels, 1)}
            known = self._shapes[id(rule)] = (rule, Shape(labels, shape.series, seconds))
        return replace(known[1], interval=seconds)

    def _exposed(self, name: str, service: str | None) -> list[Shape]:
        services = self.system.services
        found = []
        for view in services.values() if service is None else [services[service]] if service in services else []:
            targets, seconds = self.targets_of(view), view.interval.seconds
            own = {"job": 1, SERVICE: 1, "instance": targets, **dict.fromkeys(view.spec.labels, 1)}
            if name in ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added"):
                found.append(Shape.of(own, targets, seconds))
                continue
            known = self.system.registry.by_service.get(view.name, {})
            info = next((known[stem] for stem in stems(name) if stem in known), None)
            if info is not None:
                labels = {**own, **{n: label_budget(label) for n, label in info.labels.items()}}
                if name.endswith("_bucket") and info.type == "histogram":
                    labels["le"] = len(info.buckets) + 1
                shape = Shape.of(labels, targets * _most(info, name), seconds)
                found.append(
                    replace(shape, values={n: label.values for n, label in info.labels.items() if label.values})
                )
        return found


NOTHING_SELECTED = Shape({}, 1)


def _most(info: MetricInfo, name: str) -> int:
    """The most series of one name of a family on one target."""
    bound = series_bound(info)
    if info.type != "histogram":
        return bound
    children_ = max(1, bound // (len(info.buckets) + 3))
    return children_ * (len(info.buckets) + 1) if name.endswith("_bucket") else children_


def _narrowed(shape: Shape, selector: ast.VectorSelector) -> Shape:
    """What equality, alternatives and, where its values are known, any matcher leaves of a label."""
    labels, series = dict(shape.labels), shape.series
    for matcher in selector.matchers:
        had = labels.get(matcher.name, 1)
        left = min(had, _left(matcher, had, shape.values.get(matcher.name, ())))
        labels[matcher.name] = left
        series = math.ceil(series * left / had) if had else 0
    return replace(Shape.of(labels, series, shape.interval), values=shape.values)


def _left(matcher: ast.Matcher, had: int, values: tuple[str, ...]) -> int:
    if values:
        pattern = re.escape(matcher.value) if matcher.op in ("=", "!=") else matcher.value
        try:
            matching = sum(re.fullmatch(pattern, value) is not None for value in values)
        except re.error:
            return had
        return matching if matcher.op in ("=", "=~") else len(values) - matching
    if matcher.op == "=":
        return 1
    return matcher.value.count("|") + 1 if matcher.op == "=~" and _words(matcher.value) else had


def _words(pattern: str) -> bool:
    return all(c.isalnum() or c in "|_-/: " for c in pattern)


def _aggregated(expr: ast.Aggregate, shape: Shape) -> Shape:
    if expr.op in ("topk", "bottomk", "limitk"):
        return shape
    kept = {n: c for n, c in shape.labels.items() if (n in expr.grouping) != expr.without}
    return Shape.of(kept, shape.series, shape.interval)


def _seconds(duration: ast.DurationExpr) -> float:
    return duration.ms / 1000 if isinstance(duration, ast.Duration) else 300.0
