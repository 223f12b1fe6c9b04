"""What mkit's own exporters expose: asked of the exporters themselves, for what they have depends on their configuration.

Each has a module ``spec_config`` that needs none of its drivers. It is imported by name, and only for a spec that has the
exporter: ``exposed(block, declared)`` gives all its families, and those that the spec's ``metrics`` may declare anew,
``switched_off(block, declared)`` those that another key of the block would give.
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


def exposed(exporter: ExporterView, declared: Infos, written: Mapping[str, Metric], pack: Infos) -> tuple[Infos, Infos]:
    """(the families of ``exporter``, the declarations of its service as the exporter has them).

    ``declared`` are those declarations as resolved, ``written`` the spec's metrics, ``pack`` what the exporter's pack says of its
    families: there stand the bounds of labels whose values only the running exporter knows.
    """
    module = spec_config(exporter)
    if module is None:
        return dict(pack), declared
    families, anew = module.exposed(exporter.block, plain(declared))
    source = f"mkit exporter {exporter.name}"
    found = {spec.name: _info(spec, source, pack.get(spec.name)) for spec in families}
    return found, {name: _with_buckets(info, written[name], anew.get(name)) for name, info in declared.items()}


def dormant(exporter: ExporterView, declared: Infos) -> dict[str, str]:
    """Metric -> the key of the spec with which ``exporter`` would serve it; those that it serves are not among them."""
    module = spec_config(exporter)
    if module is None:
        return {}
    found = module.switched_off(exporter.block, plain(declared))
    return {spec.name: f"exporters.{exporter.name}.{key}" for key, spec in reversed(found)}


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
