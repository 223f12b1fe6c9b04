"""Scrape limits: how much one target may send before its scrape is refused.

A limit that is too low blinds the service, one that is missing lets a label explosion take the whole server down. So every
derived limit is an upper bound of what the spec declares, times head-room:

``sample_limit``
    twice the sum over the service's metric families of (product of its label budgets) x (series of one child), plus 2,000
    for the runtime's own metrics (process, Go, Python, GC), rounded up to a thousand. A label's budget is the number of its
    ``values``, else its ``max``, else 20; a family with a label of unknown size counts 20,000 series at most, and 2,000
    when the spec does not declare it (it comes from a pack or a catalog). One child of a classic histogram is its buckets
    + 3 series (``+Inf``, sum, count), of a summary 10. One of mkit's own exporters sends no more than its ``max_series``.
``label_limit``
    labels of the widest family, plus ``le`` or ``quantile``, plus the target's labels, plus ``__name__``, plus 10; at least 30.
``label_name_length_limit``
    twice the longest declared label name; at least 128.
``label_value_length_limit``
    twice the longest declared value, metric name or target label (Prometheus counts ``__name__`` and target labels too:
    scrape/scrape.go, verifyLabelLimits); at least 512, and 2,048 where targets are URLs or some label has no declared values.
``body_size_limit``
    512 bytes a sample of ``sample_limit``; at least 10 MB.

Without a single declared metric nothing is derived: there is nothing to derive it from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from monitoring_kit.resolve.exporters import serves_alone
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.services import Limits

UNKNOWN_LABEL = 20
UNKNOWN_FAMILY = 20_000
UNDECLARED_FAMILY = 2_000
RUNTIME_SAMPLES = 2_000
HEAD_ROOM = 2
SUMMARY_SERIES = 10
BYTES_PER_SAMPLE = 512
MIN_BODY_MB = 10
_LIMITS = {
    "samples": "sample_limit",
    "labels": "label_limit",
    "label_name_length": "label_name_length_limit",
    "label_value_length": "label_value_length_limit",
    "body_size": "body_size_limit",
    "targets": "target_limit",
}


def scrape_limits(system: System, view: ServiceView, target_labels: dict[str, str]) -> dict[str, int | str]:
    """The limits of a service's scrape job under Prometheus' own names; what the spec sets wins over what is derived."""
    scrape = view.spec.scrape
    probes = scrape is not None and scrape.probe is not None
    known = system.registry.by_service.get(view.name, {}).values()
    derived = derive(known, target_labels, urls=probes, most=series_ceiling(system, view))
    written = _written(scrape.limits) if scrape is not None and scrape.limits is not None else {}
    if "sample_limit" in written and "body_size_limit" not in written and "body_size_limit" in derived:
        derived["body_size_limit"] = _body_size(int(written["sample_limit"]))
    merged = {**derived, **written}
    return {name: merged[name] for name in _LIMITS.values() if name in merged}


def derive(
    families: Iterable[MetricInfo], target_labels: dict[str, str], *, urls: bool = False, most: int | None = None
) -> dict[str, int | str]:
    """The limits that the declared families imply; empty when none is declared. ``urls``: the targets are URLs; ``most``: the most
    series that a target serves by a limit of its own."""
    known = list(families)
    if not known:
        return {}
    samples = _sample_limit(known, most)
    return {
        "sample_limit": samples,
        "label_limit": max(30, max(len(f.labels) for f in known) + 1 + len(target_labels) + 2 + 1 + 10),
        "label_name_length_limit": max(128, HEAD_ROOM * max((len(n) for f in known for n in f.labels), default=0)),
        "label_value_length_limit": _value_length(known, target_labels, urls),
        "body_size_limit": _body_size(samples),
    }


def series_bound(family: MetricInfo) -> int:
    """The most series that one target may expose of a family, by its label budgets (see the module's formula)."""
    series = math.prod(label_budget(label) for label in family.labels.values()) * _series_per_child(family)
    bounded = all(label.values or label.max for label in family.labels.values())
    return series if bounded else min(series, UNDECLARED_FAMILY if family.span is None else UNKNOWN_FAMILY)


def label_budget(label: LabelInfo) -> int:
    """How many values a label may take."""
    return len(label.values) or label.max or UNKNOWN_LABEL


def _series_per_child(family: MetricInfo) -> int:
    if family.type == "histogram":
        return len(family.buckets) + 3
    return SUMMARY_SERIES if family.type == "summary" else 1


def series_ceiling(system: System, view: ServiceView) -> int | None:
    """The ``max_series`` of mkit's own exporter, where all of a service's series come from it; else None."""
    hosted = (exporter for exporter in system.exporters if exporter.service == view.name)
    return next((exporter.max_series for exporter in hosted if serves_alone(system.spec, exporter)), None)


def _sample_limit(families: list[MetricInfo], most: int | None) -> int:
    series = sum(series_bound(f) for f in families)
    wanted = HEAD_ROOM * (series if most is None else min(series, most)) + RUNTIME_SAMPLES
    return math.ceil(wanted / 1000) * 1000


def _value_length(families: list[MetricInfo], target_labels: dict[str, str], urls: bool) -> int:
    longest = [len(v) for f in families for label in f.labels.values() for v in label.values]
    longest += [len(name) for f in families for name in f.series_names()]
    longest += [len(value) for value in target_labels.values()]
    unknown = any(not label.values for f in families for label in f.labels.values())
    return max(2_048 if unknown or urls else 512, HEAD_ROOM * max(longest))


def _body_size(samples: int) -> str:
    return f"{max(MIN_BODY_MB, math.ceil(samples * BYTES_PER_SAMPLE / 1_000_000))}MB"


def _written(limits: Limits) -> dict[str, int | str]:
    found = {name: getattr(limits, attribute) for attribute, name in _LIMITS.items()}
    return {name: value for name, value in found.items() if value is not None}
