"""What drives an expression: classes of series, taken from the registry, each with one level that a test may set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from monitoring_kit.conventions import SERVICE
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.model import Model, RecordingRule
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import children, selectors
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.verify.rule_tests.evaluate import Recording, UnsupportedError
from monitoring_kit.verify.rule_tests.samples import matching
from monitoring_kit.verify.rule_tests.store import holds

# Events per second of a service in good health: integers a minute keep counters exact.
BASE_RATE = 100.0
Level = float | None
# Of the services that a rule for all of them reads, as many take part in its test.
FEW = 3


@dataclass(frozen=True, slots=True)
class Leaf:
    """A class of series that moves together.

    ``kind``: up, gauge, counter, histogram (its level is the value at ``quantile``), shares (a histogram whose level is the
    share of slow events). ``rest_of`` are the leaves whose level is taken off a counter's own, so that parts add up to the whole.
    """

    key: str
    kind: str
    name: str
    labels: Mapping[str, str]
    buckets: tuple[float, ...] = ()
    quantile: float = 0.5
    rest_of: tuple[str, ...] = ()
    healthy: Level = 0.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    matchers: tuple[ast.Matcher, ...]
    quantile: float | None


class Wiring:
    """Finds what the selectors of an expression read: series of the registry, or what recording rules record."""

    def __init__(self, system: System, model: Model) -> None:
        self.system = system
        self.recorded: dict[str, list[Recording]] = {}
        self.services: dict[int, str | None] = {}
        self.rules: dict[int, RecordingRule] = {}
        for rule in model.recordings:
            made = Recording(rule.record, rule.expr, rule.labels)
            self.recorded.setdefault(rule.record, []).append(made)
            self.services[id(made)] = rule.service
            self.rules[id(made)] = rule

    def recordings(self, selector: ast.VectorSelector) -> list[Recording]:
        """The recording rules that may record what a selector selects."""
        return [r for r in self.recorded.get(selector.name or "", ()) if self._may_match(r, selector)]

    def _may_match(self, rule: Recording, selector: ast.VectorSelector) -> bool:
        for matcher in selector.matchers:
            known = rule.labels.get(matcher.name)
            if known is None and matcher.name == SERVICE:
                known = self.services[id(rule)]
            if known is not None and not holds(matcher, known):
                return False
        return True

    def closure(self, expr: ast.Expr) -> dict[str, list[Recording]]:
        """All recording rules that ``expr`` depends on, deepest first."""
        found: dict[str, list[Recording]] = {}
        self._close(expr, found, 0)
        return found

    def _close(self, expr: ast.Expr, found: dict[str, list[Recording]], depth: int) -> None:
        if depth > 20:
            raise UnsupportedError("recording rules that depend on themselves")
        if isinstance(expr, ast.VectorSelector):
            for rule in self.recordings(expr):
                here = found.get(rule.record, [])
                if not any(r is rule for r in here):
                    self._close(rule.expr, found, depth + 1)
                    found.setdefault(rule.record, []).append(rule)
        for child in children(expr):
            self._close(child, found, depth)

    def leaves(self, exprs: Sequence[ast.Expr], service: str | None) -> list[Leaf]:
        """The leaves of the selectors that no recording rule fills. Raises ``UnsupportedError`` for a selector without a name."""
        wanted: dict[str, list[_Wanted]] = {}
        for expr in exprs:
            for one in _wanted(expr, None):
                if one.name not in self.recorded and one not in wanted.setdefault(one.name, []):
                    wanted[one.name].append(one)
        families: dict[tuple[str, str], list[_Wanted]] = {}
        for name, ones in wanted.items():
            for one in ones:
                for view in self._views(name, one.matchers, service):
                    families.setdefault((view.name, name), []).append(one)
        found: dict[str, Leaf] = {}
        for (owner, name), ones in families.items():
            for leaf in self._family(self.system.services[owner], name, ones):
                found.setdefault(leaf.key, leaf)
        return list(found.values())

    def _views(self, name: str, matchers: Sequence[ast.Matcher], service: str | None) -> list[ServiceView]:
        views = list(self.system.services.values())
        for matcher in matchers:
            if matcher.name in ("job", SERVICE):
                views = [v for v in views if holds(matcher, v.job if matcher.name == "job" else v.name)]
        having = [v for v in views if self._info(v, name) is not None]
        chosen = (
            [v for v in having if v.name == service]
            or having[:1]
            or [v for v in views if v.name == service]
            or views[:1]
        )
        if not chosen:
            raise UnsupportedError(f"`{name}`, which no service exposes,")
        return chosen

    def _info(self, view: ServiceView, name: str) -> MetricInfo | None:
        metrics = self.system.registry.by_service.get(view.name, {})
        for stem in (name, *(name.removesuffix(s) for s in ("_bucket", "_sum", "_count"))):
            if stem in metrics and (stem == name or metrics[stem].type in ("histogram", "summary")):
                return metrics[stem]
        return None

    def _family(self, view: ServiceView, name: str, ones: list[_Wanted]) -> list[Leaf]:
        info = self._info(view, name)
        target = {"job": view.job, SERVICE: view.name, "instance": f"{view.name}-1:9100", **view.spec.labels}
        if name == "up":
            return [
                Leaf(f"up of {instance}", "up", "up", {**target, "instance": instance}, healthy=1.0)
                for instance in (target["instance"], f"{view.name}-2:9100")
            ]
        if info is not None and info.type == "histogram" and info.name != name:
            return [self._histogram(info, target, ones)]
        counter = info.type in ("counter", "summary") if info is not None else name.endswith("_total")
        if info is not None and info.type == "summary" and info.name == name:
            counter = False
        return _classes(name, info, target, ones, "counter" if counter else "gauge")

    def _histogram(self, info: MetricInfo, target: Mapping[str, str], ones: list[_Wanted]) -> Leaf:
        plain = [_Wanted(o.name, tuple(m for m in o.matchers if m.name != "le"), None) for o in ones]
        labels = _labels(info, target, plain[0].matchers, ())
        quantile = next((o.quantile for o in ones if o.quantile is not None), None)
        bounds = [
            float(m.value)
            for o in ones
            for m in o.matchers
            if m.name == "le" and m.op == "=" and m.value not in ("+Inf", "Inf")
        ]
        buckets = info.buckets or tuple(sorted({0.1, 1.0, 10.0, *bounds}))
        kind = "shares" if quantile is None else "histogram"
        low = 0.0 if quantile is None else min(buckets[0], 1e9) / 2
        key = f"{info.name} of {target[SERVICE]}"
        return Leaf(
            key, kind, info.name, labels, tuple(b for b in buckets if math.isfinite(b)), quantile or 0.5, (), low
        )

    def stubs(self, expr: ast.Expr, service: str | None) -> list[Leaf]:
        """The recorded series that ``expr`` reads, as gauges: a rule is then tested apart from those that it builds on."""
        found: dict[str, Leaf] = {}
        for selector in selectors(expr):
            for rule in self.recordings(selector):
                for labels in self._recorded_sets(rule, service, 0):
                    fixed = {m.name: m.value for m in selector.matchers if m.op == "=" and m.name in labels}
                    labels = {**labels, **{k: v for k, v in fixed.items() if labels[k] == f"{k}-1"}}
                    if all(holds(m, labels.get(m.name, "")) for m in selector.matchers):
                        key = f"{rule.record}{{{','.join(f'{k}={v}' for k, v in sorted(labels.items()))}}}"
                        found.setdefault(key, Leaf(key, "gauge", rule.record, labels, healthy=1.0))
        return _of_few(list(found.values()), service)

    def _recorded_sets(self, rule: Recording, service: str | None, depth: int) -> list[dict[str, str]]:
        owner = self.services[id(rule)] or service
        own: dict[str, str] = {SERVICE: owner, "job": owner} if owner else {}
        sets = self._sets(rule.expr, own, depth + 1)
        return [
            {**labels, **rule.labels}
            for labels in (sets if sets is not None else [{k: v for k, v in own.items() if k == SERVICE}])
        ]

    def _sets(self, expr: ast.Expr, own: Mapping[str, str], depth: int) -> list[dict[str, str]] | None:
        """The label sets of a result as far as rules tell; None for those of series that no rule records."""
        if depth > 20:
            return None
        match expr:
            case ast.Aggregate():
                inner = self._sets(expr.expr, own, depth)
                if expr.without:
                    return inner and _distinct(
                        [{k: v for k, v in one.items() if k not in expr.grouping} for one in inner]
                    )
                if inner is None:
                    return [{n: own.get(n, f"{n}-1") for n in expr.grouping}]
                return _distinct([{n: one[n] for n in expr.grouping if n in one} for one in inner])
            case ast.Binary():
                left = self._sets(expr.lhs, own, depth)
                matching = expr.matching
                if matching is not None and matching.on and matching.group is None and expr.op not in ast.SET_OPERATORS:
                    return left and _distinct([{k: v for k, v in one.items() if k in matching.labels} for one in left])
                return left if left is not None else self._sets(expr.rhs, own, depth)
            case ast.Call(func="vector"):
                return [{}]
            case ast.VectorSelector():
                found = [
                    one for rule in self.recordings(expr) for one in self._recorded_sets(rule, own.get(SERVICE), depth)
                ]
                return (
                    _distinct([one for one in found if all(holds(m, one.get(m.name, "")) for m in expr.matchers)])
                    or None
                )
        return next((sets for child in children(expr) if (sets := self._sets(child, own, depth)) is not None), None)


def _of_few(leaves: list[Leaf], own: str | None) -> list[Leaf]:
    """The leaves of a few services, where a rule reads those of all: one service more is treated like the others."""
    services = dict.fromkeys(leaf.labels.get(SERVICE) for leaf in leaves)
    chosen = {own, *[s for s in services if s != own][: FEW - (own in services)]}
    return [leaf for leaf in leaves if leaf.labels.get(SERVICE) in chosen]


def _distinct(sets: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({tuple(sorted(one.items())): one for one in sets}.values())


def _wanted(expr: ast.Expr, quantile: float | None) -> list[_Wanted]:
    if isinstance(expr, ast.VectorSelector):
        if expr.name is None:
            raise UnsupportedError("a selector without a metric name")
        return [_Wanted(expr.name, expr.matchers, quantile)]
    if isinstance(expr, ast.Call) and expr.func == "histogram_quantile" and isinstance(expr.args[0], ast.Number):
        return _wanted(expr.args[1], expr.args[0].value)
    return [one for child in children(expr) for one in _wanted(child, quantile)]


def _classes(
    name: str, info: MetricInfo | None, target: Mapping[str, str], ones: list[_Wanted], kind: str
) -> list[Leaf]:
    """One leaf for each distinct set of matchers; the least picky one is what remains of the whole."""
    sets: list[tuple[ast.Matcher, ...]] = []
    for one in ones:
        own = tuple(m for m in one.matchers if m.name not in target or m.name == "instance")
        if own not in sets:
            sets.append(own)
    found: dict[str, Leaf] = {}
    for own in sorted(sets, key=len, reverse=True):
        labels = _labels(info, target, own, [other for other in sets if other != own])
        text = ",".join(f"{k}={v}" for k, v in labels.items() if k not in target or target[k] != v)
        key = f"{name}{{{text}}} of {target[SERVICE]}"
        rest = tuple(found) if kind == "counter" and len(own) == min(map(len, sets)) else ()
        healthy = 1.0 if kind == "gauge" else BASE_RATE if rest or len(sets) == 1 else 0.0
        found.setdefault(key, Leaf(key, kind, name, labels, rest_of=rest, healthy=healthy))
    return list(found.values())


def _labels(
    info: MetricInfo | None,
    target: Mapping[str, str],
    own: Sequence[ast.Matcher],
    others: Sequence[Sequence[ast.Matcher]],
) -> dict[str, str]:
    labels = dict(target)
    names = [*(info.labels if info else ()), *(m.name for m in own)]
    for name in dict.fromkeys(n for n in names if n not in ("__name__", "le", "quantile")):
        mine = [m for m in own if m.name == name]
        if name in target and not mine:
            continue
        theirs = [m for other in others for m in other if m.name == name and m not in mine]
        value = _value(info, name, mine, theirs)
        if value:
            labels[name] = value
        else:
            labels.pop(name, None)
    return labels


def _value(info: MetricInfo | None, name: str, mine: list[ast.Matcher], theirs: list[ast.Matcher]) -> str:
    known = info.labels.get(name) if info else None
    candidates = [m.value for m in mine if m.op == "="]
    candidates += [text for m in mine if m.op == "=~" for text in matching(m.value)]
    if known is not None:
        candidates += [*known.values, *(matching(known.pattern) if known.pattern else ())]
        if known.pattern == "[1-5][0-9]{2}":
            candidates.insert(len(candidates) - 1, "200")
    if known is None or not (known.values or known.pattern):
        candidates += [f"{name}-1", f"{name}-2"]
    candidates.append("")
    fitting = [c for c in candidates if all(holds(m, c) for m in mine)]
    if not fitting:
        raise UnsupportedError(f"the matchers of `{name}`")
    return next((c for c in fitting if c and not any(holds(m, c) for m in theirs)), fitting[0])
