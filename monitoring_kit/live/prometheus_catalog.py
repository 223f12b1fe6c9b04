"""Learn a catalog from a running Prometheus: its metadata, and the labels of each metric.

API: prometheus/docs, "HTTP API": /api/v1/metadata, /api/v1/label/<name>/values, /api/v1/labels, /api/v1/targets.
Target labels (job, instance and what relabeling adds) belong to the scrape config and are left out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from monitoring_kit.live.scrape import ScrapeError, get
from monitoring_kit.promql.catalog import Catalog, Metric, unit_of

MAX_METRICS = 20_000
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_TARGET_LABELS = frozenset(("__name__", "job", "instance"))
_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


class PrometheusSource:
    """One Prometheus, asked within a total time of `timeout` seconds about the last `lookback` seconds."""

    def __init__(self, url: str, *, timeout: float = 60.0, lookback: float = 3600.0) -> None:
        self._url = url.rstrip("/")
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._start = f"{time.time() - lookback:.3f}"

    def catalog(self, selector: str = "", max_metrics: int = MAX_METRICS) -> Catalog:
        """The catalog of all metrics, or of those that `selector` (`{job="x"}`) finds.

        Raises ScrapeError when the server does not answer in time, answers with an error, or has more
        than `max_metrics` metrics.
        """
        match = [("match[]", selector)] if selector else []
        names = self._ask("label/__name__/values", [*match, ("start", self._start)])
        metadata = self._ask("metadata", [])
        targets = self._target_labels()
        if len(names) > max_metrics:
            raise ScrapeError(f"{self._url}: {len(names)} metrics; at most {max_metrics} are read, narrow the selector")
        version = str(self._ask("status/buildinfo", []).get("version", ""))
        found: dict[str, Metric] = {}
        for family, kind, help_text in _families(sorted(map(str, names)), metadata):
            found[family] = self._metric(family, kind, help_text, selector, targets)
        how = f"Prometheus {version}" + (f", {selector}" if selector else "")
        return Catalog("", "", how, found)

    def _metric(self, name: str, kind: str, help_text: str, selector: str, targets: frozenset[str]) -> Metric:
        series = f"{name}_bucket" if kind == "histogram" else name
        match = _select(series, selector)
        labels = set(map(str, self._ask("labels", [("match[]", match), ("start", self._start)]))) - targets
        shape = {"histogram": "le", "summary": "quantile"}.get(kind, "")
        bounds: tuple[float, ...] = ()
        if shape in labels:
            labels.discard(shape)
            values = self._ask(f"label/{shape}/values", [("match[]", match), ("start", self._start)])
            bounds = tuple(sorted({float(value) for value in values if value != "+Inf"}))
        return Metric(
            name=name,
            type=kind,
            help=" ".join(help_text.split()),
            unit=unit_of(name),
            labels=tuple(sorted(labels)),
            buckets=bounds if shape == "le" else (),
            quantiles=bounds if shape == "quantile" else (),
        )

    def _target_labels(self) -> frozenset[str]:
        active = self._ask("targets", [("state", "active")]).get("activeTargets", [])
        return _TARGET_LABELS.union(*(target.get("labels", {}) for target in active))

    def _ask(self, path: str, params: list[tuple[str, str]]) -> Any:
        url = f"{self._url}/api/v1/{path}"
        try:
            left = max(self._deadline - time.monotonic(), 0.001)
            body = get(url, timeout=left, max_bytes=MAX_ANSWER_BYTES, params=params)
        except ScrapeError as error:
            if time.monotonic() < self._deadline:
                raise
            raise ScrapeError(f"{self._url}: not finished within {self._timeout:g} s") from error
        try:
            answer = json.loads(body)
            if answer["status"] != "success":
                raise ScrapeError(f"{url}: {answer.get('error', 'no success')}")
            return answer["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise ScrapeError(f"{url}: not an answer of the Prometheus HTTP API") from error


def _families(names: list[str], metadata: Mapping[str, list[dict[str, str]]]) -> list[tuple[str, str, str]]:
    """Name, type and help of each family, the parts of histograms and summaries joined."""
    found: dict[str, tuple[str, str]] = {}
    known = set(names)
    for name in names:
        family, kind, help_text = name, "unknown", ""
        for base in (name, *(name.removesuffix(suffix) for suffix in ("_bucket", "_sum", "_count"))):
            entry = (metadata.get(base) or [{}])[0]
            declared = entry.get("type", "")
            if base == name and declared and declared not in _PARTS:
                family, kind, help_text = name, declared, entry.get("help", "")
                break
            if declared in _PARTS and name.removeprefix(base) in _PARTS[declared]:
                family, kind, help_text = base, declared, entry.get("help", "")
                break
        if kind == "unknown" and name.endswith("_bucket") and f"{name.removesuffix('_bucket')}_count" in known:
            family, kind = name.removesuffix("_bucket"), "histogram"
        found.setdefault(family, ("unknown" if kind == "untyped" else kind, help_text))
    parts = {
        f"{family}{suffix}"
        for family, (kind, _) in found.items()
        if kind == "histogram"
        for suffix in ("_sum", "_count")
    }
    return [(family, *what) for family, what in sorted(found.items()) if family not in parts]


def _select(name: str, selector: str) -> str:
    own = f"__name__={json.dumps(name, ensure_ascii=False)}"
    rest = selector.strip().removeprefix("{").removesuffix("}").strip().rstrip(",")
    return "{" + own + (f",{rest}" if rest else "") + "}"
