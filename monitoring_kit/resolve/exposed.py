"""What mkit's own exporters expose: asked of the exporters themselves, for what they have depends on their configuration.

Each has a module ``spec_config`` that needs none of its drivers. It is imported by name, and only for a spec that has the
exporter: ``exposed(block, declared)`` gives all its families, those that the spec's ``metrics`` may declare anew, and those that it
would have if other keys of the block were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from monitoring_kit.promql.catalog import unit_of
from monitoring_kit.resolve.exporters import ExporterView
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo
from monitoring_kit.spec.services import Metric

Infos = dict[str, MetricInfo]


def spec_config(exporter: ExporterView) -> Any:
    """The exporter's module ``spec_config``; None where the exporter is not installed."""
    module = f"monitoring_kit.exporters.{exporter.name}.spec_config"
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if not module.startswith(str(error.name)):
            raise
        return None


def plain(known: Mapping[str, MetricInfo]) -> dict[str, Any]:
    """The metrics among ``known`` that the spec declares, as plain data: what an exporter is told of them."""
    return {name: _plain(info) for name, info in known.items() if info.span is not None}


def _plain(info: MetricInfo) -> dict[str, Any]:
    labels = {
        name: {k: v for k, v in (("values", list(label.values)), ("pattern", label.pattern), ("max", label.max)) if v}
        for name, label in info.labels.items()
    }
    found = {"type": info.type, "help": info.help, "unit": info.unit, "labels": labels, "buckets": list(info.buckets)}
    return {k: v for k, v in found.items() if v} | ({"native": True} if info.native else {})


def exposed(
    exporter: ExporterView, declared: Infos, written: Mapping[str, Metric], pack: Infos
) -> tuple[Infos, Infos, dict[str, str]]:
    """(the families of ``exporter``, the declarations of its service as the exporter has them, metric -> the keys of the spec with
    which it would serve it as well).

    ``declared`` are those declarations as resolved, ``written`` the spec's metrics, ``pack`` what the exporter's pack says of its
    families: there stand the bounds of labels whose values only the running exporter knows.
    """
    module = spec_config(exporter)
    if module is None:
        return dict(pack), declared, {}
    families, anew, dormant = module.exposed(exporter.block, plain(declared))
    source = f"mkit exporter {exporter.name}"
    found = {spec.name: _info(spec, source, pack.get(spec.name)) for spec in families}
    mine = {name: _with_buckets(info, written[name], anew.get(name)) for name, info in declared.items()}
    keys = {
        spec.name: " and ".join(f"`exporters.{exporter.name}.{key}`" for key in keys)
        for keys, spec in reversed(dormant)
    }
    return found, mine, keys


def _with_buckets(info: MetricInfo, written: Metric, own: Any) -> MetricInfo:
    """A histogram that the exporter has of itself keeps the exporter's buckets when it is declared without."""
    if own is None or info.type != "histogram" or written.buckets or not own.buckets:
        return info
    return replace(info, buckets=own.buckets)


def _info(spec: Any, source: str, told: MetricInfo | None) -> MetricInfo:
    bounds = told.labels if told is not None else {}
    labels = {}
    for label in spec.labels:
        here = LabelInfo(label.allow or (), label.pattern, label.max)
        labels[label.name] = here if here != LabelInfo() else bounds.get(label.name, here)
    # A unit is declared where OpenMetrics shall say it; most of the exporters' names end in theirs all the same.
    unit = spec.unit or unit_of(spec.name) or None
    return MetricInfo(spec.name, spec.kind, spec.help, unit, labels, spec.buckets, spec.native is not None, source)
