"""What of an exporter's own families stands for the metrics of its service's kind, where the spec has none of those.

A kind's signals are written with canonical names. mkit's AI exporter serves a model that declares nothing under names of its
own, and its pack says which of them mean the same (``stands_for``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitoring_kit.promql import Expr
from monitoring_kit.promql.ast import Matcher, VectorSelector
from monitoring_kit.promql.transform import rewrite
from monitoring_kit.resolve.packs import LoadedPack
from monitoring_kit.resolve.registry import MetricInfo, SeriesNames
from monitoring_kit.resolve.signals import Signal, needed_series
from monitoring_kit.spec.services import Service

StandIns = Mapping[str, VectorSelector]


def stand_ins(hosted: Iterable[LoadedPack]) -> dict[str, VectorSelector]:
    """Canonical metric -> the selector of the family that stands for it, of all ``hosted`` packs."""
    return {name: selector for pack in hosted for name, selector in pack.stands_for.items()}


def of_the_service(known: dict[str, MetricInfo], hosted: Iterable[LoadedPack]) -> dict[str, MetricInfo]:
    """What of ``known`` a kind's signals may read: not the process figures of an exporter that stands beside the service."""
    if not any(pack.sidecar for pack in hosted):
        return known
    return {
        name: info
        for name, info in known.items()
        if not (name.startswith("process_") and info.source.startswith("mkit exporter "))
    }


def stood_in(
    signal: Signal, service: Service, loaded: LoadedPack, known: Mapping[str, MetricInfo], standing: StandIns
) -> Signal | None:
    """``signal`` on the families that stand for its metrics; None where they do not.

    All of its metrics that have a stand-in are replaced or none: a ratio of what the spec declares to what the exporter counts
    by itself would compare different events. The families keep their own labels whatever ``metric_labels`` says of others.
    """
    names = SeriesNames(dict(known))
    needed = set(needed_series(signal))
    swapped = {name: standing[name] for name in needed if name in standing}
    if not swapped or any(name in service.metrics or name in names for name in swapped):
        return None
    kept = {service.metrics.get(name, name) for name in needed - set(swapped)}
    if not all(name in names for name in (*kept, *(selector.name or "" for selector in swapped.values()))):
        return None

    def change(node: Expr) -> Expr:
        if not isinstance(node, VectorSelector) or not node.name:
            return node
        selector = swapped.get(node.name)
        if selector is None or selector.name is None:
            return replace(node, name=service.metrics.get(node.name, node.name))
        canonical = loaded.metrics.get(node.name)
        chosen = _chosen(selector, known[selector.name], canonical.labels if canonical else ())
        return replace(node, name=selector.name, matchers=(*node.matchers, *chosen))

    def own(expr: Expr | None) -> Expr | None:
        return rewrite(expr, change) if expr is not None else None

    ratio = (rewrite(signal.ratio[0], change), rewrite(signal.ratio[1], change)) if signal.ratio else None
    return replace(signal, expr=own(signal.expr), histogram=own(signal.histogram), ratio=ratio)


def _chosen(selector: VectorSelector, info: MetricInfo, canonical: Iterable[str]) -> tuple[Matcher, ...]:
    """The matchers of ``selector`` that the family has labels for: the spec may declare it anew without them. Of a gauge that
    is there for the parts too, such as one a camera, the series of the whole: a gauge's parts do not add up to it."""
    chosen = tuple(matcher for matcher in selector.matchers if matcher.name in info.labels)
    if info.type != "gauge":
        return chosen
    spoken = {*canonical, *(matcher.name for matcher in chosen)}
    return (*chosen, *(Matcher(name, "=", "") for name in info.labels if name not in spoken))
