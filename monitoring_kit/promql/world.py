"""The world that an expression is checked against: which series exist, with type, unit, labels and intervals.

A `World` is asked by name and answers with a `Series`, or None where it knows nothing. Whatever it does not know makes a
check silent: only what is in it can be called wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.ast import Expr
from monitoring_kit.promql.catalog import Catalog

INF = math.inf
COUNTERS = frozenset(("counter", "bucket"))
_SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a label's values can be: all of them, an RE2 pattern, at most so many; nothing known when all are empty."""

    values: tuple[str, ...] = ()
    pattern: str | None = None
    max: int | None = None
    _set: frozenset[str] | None = field(default=None, init=False, repr=False, compare=False)

    def lists(self, value: str) -> bool:
        """True when ``value`` is one of ``values``: those of a label can be the names of thousands of services."""
        if self._set is None:
            object.__setattr__(self, "_set", frozenset(self.values))
        return value in (self._set or ())

    @property
    def single(self) -> bool:
        """True when two series cannot differ in it."""
        return len(self.values) == 1 or self.max == 1


@dataclass(frozen=True, slots=True)
class Series:
    """The samples stored under one name.

    ``kind`` is counter, bucket (cumulative, with ``le``), gauge, summary, info, native (histogram), rate or summed (of
    recorded expressions) or None when unknown; ``unit`` that of the value, ``base_unit`` that of the observations behind a
    bucket. ``labels`` are all that it can have, ``sure`` those that every series has; with ``open`` there may be others.
    ``interval`` is the longest scrape interval in milliseconds, ``low`` and ``high`` bound the value, ``steps`` are the
    only values. With ``exact_bounds`` a bucket's ``le`` is written as a float (``1.0``), else as ``1`` or ``1.0``. ``declared`` means that the author vouches for it: what contradicts it is proven, not likely.
    """

    name: str
    family: str
    kind: str | None
    unit: str | None = None
    base_unit: str | None = None
    labels: Mapping[str, Allowed] = field(default_factory=dict)
    sure: frozenset[str] = frozenset()
    open: bool = True
    interval: int | None = None
    low: float = -INF
    high: float = INF
    steps: frozenset[float] | None = None
    buckets: tuple[float, ...] = ()
    declared: bool = False
    exact_bounds: bool = False
    source: str = ""
    origin: Any = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording rule: ``service`` is the value of its label ``service`` where that is one constant."""

    name: str
    expr: Expr
    labels: Mapping[str, str]
    service: str | None = None
    shape: object = None
    unit: str | None = None
    origin: Any = None


@dataclass
class World:
    """What is known. ``find(name, service)`` gives the exposures of a series, of one service or (None) of all; ``family(name)``
    the type of a metric, of one whose own name no series has (a classic histogram) too. With ``closed`` a name that is not
    found is no metric at all. ``owner`` is the label that tells services apart.
    """

    find: Callable[[str, str | None], Sequence[Series]] = lambda name, service: ()
    family: Callable[[str], str | None] = lambda name: None
    names: Callable[[], Iterable[str]] = tuple
    closed: bool = False
    owner: str = "job"
    records: Mapping[str, Sequence[Recorded]] = field(default_factory=dict)
    external_labels: Mapping[str, str] = field(default_factory=dict)
    evaluation_ms: int | None = None
    retention_ms: int | None = None
    prometheus: str | None = None
    features: frozenset[str] = frozenset()
    alertnames: frozenset[str] | None = None
    dormant: Mapping[str, str] = field(default_factory=dict)
    """Families that nothing exposes as things stand -> the keys of the spec that would change it, as they stand in a message."""
    standing: Mapping[str, str] = field(default_factory=dict)
    """Metrics that nothing exposes -> the family that an exporter serves in their place."""
    finite: bool = False
    """Whether a store of recorded series takes no infinite values."""
    _cache: dict[tuple[str, str | None], Series | None] = field(default_factory=dict, repr=False)
    _owned: dict[str, dict[str | None, list[Recorded]]] = field(default_factory=dict, init=False, repr=False)
    nearest: dict[str, str | None] = field(default_factory=dict, repr=False)
    inferred: dict[int, tuple[Expr, Any]] = field(default_factory=dict, init=False, repr=False)
    """Recorded expressions with their facts, by identity: the rules of one shape share theirs."""

    def series(self, name: str, service: str | None = None) -> Series | None:
        """The series ``name``, of one service or of all that expose it; None when unknown."""
        cached = self._cache.get((name, service), ...)
        if cached is not ...:
            return cached
        found = self.find(name, service)
        made = merged(found) if found else self._recorded(name, service)
        self._cache[name, service] = made
        return made

    def knows(self, name: str) -> bool:
        """True when some service exposes ``name`` or a rule records it."""
        return bool(self.find(name, None)) or name in self.records

    def _recorded(self, name: str, service: str | None) -> Series | None:
        rules = self._rules(name, service)
        if not rules:
            return None
        # Set first: a rule that reads its own record must not recurse for ever.
        self._cache[name, service] = None
        from monitoring_kit.promql.infer.recorded import recorded_series

        shapes = {id(r.expr) if r.shape is None else r.shape: r for r in rules}
        made = merged([recorded_series(rule, self) for rule in shapes.values()])
        owners = [r.service for r in rules if r.service is not None]
        if len(owners) > 1:
            # A shape stands for the rules of several services: what is one service's name in it can be any of theirs.
            wide = Allowed(tuple(owners))
            made = replace(made, labels={n: wide if set(a.values) & set(owners) else a for n, a in made.labels.items()})
        return replace(made, labels={**made.labels, **_constants(rules)}) if len(rules) > len(shapes) else made

    def _rules(self, name: str, service: str | None) -> Sequence[Recorded]:
        """The rules that record ``name`` for ``service``, and those for no service in particular; for None all."""
        rules = self.records.get(name, ())
        if service is None:
            return rules
        owned = self._owned.get(name)
        if owned is None:
            owned = self._owned[name] = {}
            for rule in rules:
                owned.setdefault(rule.service, []).append(rule)
        mine, common = owned.get(service, []), owned.get(None, [])
        return [r for r in rules if r.service in (service, None)] if mine and common else mine or common


def _constants(rules: Sequence[Recorded]) -> dict[str, Allowed]:
    """The values of the labels that rules of one shape set, all of them together."""
    values: dict[str, dict[str, None]] = {}
    for rule in rules:
        for name, value in rule.labels.items():
            values.setdefault(name, {})[value] = None
    return {name: Allowed(tuple(found)) for name, found in values.items()}


def merged(found: Sequence[Series]) -> Series:
    """One series for several of a name: it has a label, a value or a type only as far as all agree."""
    first = found[0]
    if all(s is first for s in found):
        return first
    allowed: dict[str, dict[Allowed, None]] = {}
    for series in found:
        for name, values in series.labels.items():
            allowed.setdefault(name, {})[values] = None
    labels = {name: _any_of(list(one)) for name, one in allowed.items()}
    intervals = [s.interval for s in found]
    steps = [s.steps for s in found]
    return replace(
        first,
        kind=first.kind if all(s.kind == first.kind for s in found) else None,
        unit=first.unit if all(s.unit == first.unit for s in found) else None,
        base_unit=first.base_unit if all(s.base_unit == first.base_unit for s in found) else None,
        labels=labels,
        sure=frozenset.intersection(*(s.sure for s in found)),
        open=any(s.open for s in found),
        interval=None if None in intervals else max(i for i in intervals if i is not None),
        low=min(s.low for s in found),
        high=max(s.high for s in found),
        steps=None if None in steps else frozenset().union(*(s for s in steps if s is not None)),
        buckets=tuple(sorted({b for s in found for b in s.buckets})) if all(s.buckets for s in found) else (),
        declared=all(s.declared for s in found),
        exact_bounds=all(s.exact_bounds for s in found),
    )


def _any_of(allowed: Sequence[Allowed]) -> Allowed:
    """What a label's values can be where they can be what any of some different ones allow."""
    first = allowed[0]
    if len(allowed) == 1:
        return first
    known = all(one.values for one in allowed)
    values = tuple(dict.fromkeys(value for one in allowed for value in one.values)) if known else ()
    return Allowed(values, first.pattern if all(one.pattern == first.pattern for one in allowed) else None)


def expose(
    name: str,
    family: str,
    type_: str,
    *,
    unit: str | None,
    labels: Mapping[str, Allowed],
    sure: frozenset[str] = frozenset(),
    buckets: tuple[float, ...] = (),
    native: bool = False,
    **more: Any,
) -> Series:
    """The series ``name`` of the metric ``family`` with that metric's type, unit, labels and finite buckets."""
    suffix = name[len(family) :]
    if family.endswith("_timestamp_seconds"):
        unit = "timestamp"
    elif unit == "number":
        unit = None
    counted = "events" if type_ in ("histogram", "summary", "counter") else None
    kind: str | None = type_ if type_ in ("counter", "gauge", "summary", "info") else None
    if type_ == "histogram":
        kind = {"_bucket": "bucket", "": "native" if native else None}.get(suffix, "counter")
        if suffix == "_bucket":
            bounds = tuple(_bound(b) for b in buckets)
            labels = {**labels, "le": Allowed((*bounds, "+Inf") if bounds else ())}
            sure = sure | {"le"}
    elif type_ == "summary" and suffix:
        kind = "counter"
    elif type_ == "summary":
        labels = {**labels, "quantile": Allowed()}
        sure = sure | {"quantile"}
    value_unit = counted if suffix in ("_bucket", "_count") or (kind == "counter" and not unit) else unit
    low = 0.0 if kind in COUNTERS else -INF
    steps = frozenset((1.0,)) if kind == "info" else frozenset((0.0, 1.0)) if name == "up" else None
    if steps:
        low = min(steps)
    return Series(
        name, family, kind, value_unit, unit, labels, sure, low=low, high=max(steps) if steps else INF, steps=steps,
        buckets=buckets if kind == "bucket" else (), **more,
    )  # fmt: skip


def _bound(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def stems(name: str) -> tuple[str, ...]:
    """The families that a series of this name can belong to: itself, and without the suffix of a histogram or summary."""
    return (name, *(name.removesuffix(s) for s in _SUFFIXES if name.endswith(s)))


def lint_world(catalogs: Iterable[Catalog] = (), **more: Any) -> World:
    """The world of files without a spec: what some catalogs say, open to everything that they do not name.

    ``up`` is always known: Prometheus itself writes it, 0 or 1, for every target
    (https://prometheus.io/docs/concepts/jobs_instances/).
    """
    merged_catalogs: dict[str, list[Series]] = {}
    families: dict[str, str] = {}
    for catalog in catalogs:
        source = f"{catalog.exporter} {catalog.version}".strip()
        for metric in catalog.metrics.values():
            families[metric.name] = metric.type
            labels = {label: Allowed(tuple(metric.values.get(label, ()))) for label in metric.labels}
            for name in metric.series_names():
                series = expose(
                    name, metric.name, metric.type, unit=metric.unit or None, labels=labels, buckets=metric.buckets,
                    source=source,
                )  # fmt: skip
                merged_catalogs.setdefault(name, []).append(series)
    own: dict[str, Sequence[Series]] = {}
    if "up" not in more.get("records", ()):
        own["up"] = [expose("up", "up", "gauge", unit=None, labels={}, source="Prometheus")]
    return World(
        find=lambda name, service: merged_catalogs.get(name, own.get(name, ())),
        family=families.get,
        names=lambda: merged_catalogs,
        **more,
    )
