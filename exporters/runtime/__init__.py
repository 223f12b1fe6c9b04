"""The exporter runtime: families, collectors, expositions and the web server. See README.md."""

from .app import Exporter, ExporterApp
from .children import CounterChild, Exemplar, GaugeChild, HistogramChild, HistogramValue
from .collector import Collector, FamilyError, FamilyRows, Policy, ScrapeFailed
from .deadline import Deadline
from .errors import CollectError, ConfigError, ExpositionError, RowError, RuntimeFault, SpecError, Unsupported
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
    "run_exporter",
]
