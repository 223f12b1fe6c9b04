"""The exporter runtime: families, collectors, expositions and the web server. See README.md."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import Exporter, ExporterApp
    from .children import CounterChild, Exemplar, GaugeChild, HistogramChild, HistogramValue
    from .collector import Collector, FamilyError, FamilyRows, Policy, ScrapeFailed
    from .deadline import Deadline
    from .errors import (
        CollectError,
        ConfigError,
        ExpositionError,
        RowError,
        RuntimeFault,
        SpecError,
        Unsupported,
        UsageError,
    )
    from .family import Counter, Gauge, Histogram, Info
    from .http import Request, Response, Route
    from .program import run_exporter
    from .registry import Registry
    from .spec import LabelSpec, MetricSpec, NativeSpec

__all__ = [
    "CollectError",
    "Collector",
    "ConfigError",
    "Counter",
    "CounterChild",
    "Deadline",
    "Exemplar",
    "Exporter",
    "ExporterApp",
    "ExpositionError",
    "FamilyError",
    "FamilyRows",
    "Gauge",
    "GaugeChild",
    "Histogram",
    "HistogramChild",
    "HistogramValue",
    "Info",
    "LabelSpec",
    "MetricSpec",
    "NativeSpec",
    "Policy",
    "Registry",
    "Request",
    "Response",
    "Route",
    "RowError",
    "RuntimeFault",
    "ScrapeFailed",
    "SpecError",
    "Unsupported",
    "UsageError",
    "run_exporter",
]

# Loaded on first use (PEP 562): the compiler reads configurations, which needs the errors and the specs, but no web server.
_HOMES = {
    **dict.fromkeys(("Exporter", "ExporterApp"), "app"),
    **dict.fromkeys(("CounterChild", "Exemplar", "GaugeChild", "HistogramChild", "HistogramValue"), "children"),
    **dict.fromkeys(("Collector", "FamilyError", "FamilyRows", "Policy", "ScrapeFailed"), "collector"),
    **dict.fromkeys(("Deadline",), "deadline"),
    **dict.fromkeys(
        (
            "CollectError",
            "ConfigError",
            "ExpositionError",
            "RowError",
            "RuntimeFault",
            "SpecError",
            "Unsupported",
            "UsageError",
        ),
        "errors",
    ),
    **dict.fromkeys(("Counter", "Gauge", "Histogram", "Info"), "family"),
    **dict.fromkeys(("Request", "Response", "Route"), "http"),
    **dict.fromkeys(("run_exporter",), "program"),
    **dict.fromkeys(("Registry",), "registry"),
    **dict.fromkeys(("LabelSpec", "MetricSpec", "NativeSpec"), "spec"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value
