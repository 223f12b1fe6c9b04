"""Scrape-and-transform: an existing endpoint under our names, in base units."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from ..runtime import CollectError, Deadline, FamilyError, FamilyRows, HistogramValue, Registry
from ..runtime.names import number
from .config_scrape import Rule, ScrapeConfig

log = logging.getLogger(__name__)

Labels = Mapping[str, str]
Samples = dict[str, list[tuple[Labels, float]]]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class ScrapeCollector:
    """Fetches the endpoint at each scrape. A metric that the endpoint lacks leaves its family empty.

    ``unmatched``: the mapping's metrics that the last answer did not have.
    """

    name = "scrape"

    def __init__(self, config: ScrapeConfig, registry: Registry) -> None:
        self._config = config
        self._families = {name: registry.declare(spec) for name, spec in config.specs.items()}
        self.families = tuple(self._families.values())
        # A sidecar's endpoint is its neighbour: never through a proxy, never somewhere else.
        self.unmatched: tuple[str, ...] = ()
        self._matched: frozenset[str] = frozenset()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows | FamilyError]:
        """Rows of every family of the mapping."""
        samples = read_samples(self._fetch(min(self._config.timeout, deadline.remaining())))
        self._match(samples)
        for name, family in self._families.items():
            rules = [rule for rule in self._config.rules if rule.to == name]
            if family.kind != "histogram":
                yield FamilyRows(family, _scalars(rules, samples, family.label_names).items())
                continue
            try:
                yield FamilyRows(family, list(_histograms(rules, samples, family)))
            except ValueError as error:
                yield FamilyError(family, "buckets", str(error))

    def _match(self, samples: Samples) -> None:
        """Note which rules found something; the log names those that did before and do no more."""
        wanted = dict.fromkeys(rule.metric for rule in self._config.rules)
        matched = frozenset(name for name in wanted if name in samples or f"{name}_bucket" in samples)
        self.unmatched = tuple(name for name in wanted if name not in matched)
        if gone := sorted(self._matched - matched):
            log.warning("the scraped endpoint no longer has metrics of the mapping",
                        extra={"url": self._config.url, "metrics": ", ".join(gone)})  # fmt: skip
        self._matched = matched

    def _fetch(self, timeout: float) -> str:
        request = urllib.request.Request(self._config.url, headers={"Accept": "text/plain;version=0.0.4"})  # noqa: S310
        try:
            with self._opener.open(request, timeout=max(timeout, 0.01)) as answer:
                body: bytes = answer.read(self._config.max_bytes + 1)
        except TimeoutError:
            raise CollectError("timeout", "the endpoint did not answer in time") from None
        except urllib.error.HTTPError as error:
            raise CollectError("status", f"the endpoint answered {error.code}") from None
        except (OSError, ValueError) as error:
            raise CollectError("connect", f"the endpoint cannot be reached ({type(error).__name__})") from None
        if len(body) > self._config.max_bytes:
            raise CollectError("too_large", f"the answer is larger than {self._config.max_bytes} bytes")
        return body.decode("utf-8", "replace")


def read_samples(text: str) -> Samples:
    """An exposition's samples by name. CollectError when it is none."""
    from prometheus_client.parser import text_string_to_metric_families

    out: Samples = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found = (sample.labels, float(sample.value))
                out.setdefault(sample.name, []).append(found)
                if family.type == "counter" and sample.name == f"{family.name}_total":
                    # The parser adds the suffix to counters that have none.
                    out.setdefault(family.name, []).append(found)
    except (ValueError, KeyError, IndexError) as error:
        raise CollectError("exposition", f"the answer is no exposition ({type(error).__name__})") from None
    return out


def _labels(rule: Rule, labels: Labels, names: Iterable[str]) -> tuple[str, ...]:
    ours = {ours: labels.get(theirs, "") for theirs, ours in rule.labels.items()}
    return tuple({**ours, **rule.const}[name] for name in names)


def _scalars(rules: list[Rule], samples: Samples, names: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """Samples that become the same series are added: their other labels are not ours."""
    rows: dict[tuple[str, ...], float] = {}
    for rule in rules:
        for labels, value in samples.get(rule.metric, ()):
            key = _labels(rule, labels, names)
            rows[key] = rows.get(key, 0.0) + value * rule.scale
    return rows


def _histograms(rules: list[Rule], samples: Samples, family: Any) -> Iterator[tuple[tuple[str, ...], HistogramValue]]:
    """Histograms in our buckets, which must be among theirs: ValueError else."""
    bounds: tuple[float, ...] = family.spec.buckets
    found: dict[tuple[str, ...], tuple[dict[float, float], list[float]]] = {}
    for rule in rules:
        for labels, value in samples.get(f"{rule.metric}_bucket", ()):
            cumulative, _ = found.setdefault(_labels(rule, labels, family.label_names), ({}, [0.0]))
            bound = float(labels["le"]) * rule.scale
            cumulative[bound] = cumulative.get(bound, 0.0) + value
        for labels, value in samples.get(f"{rule.metric}_sum", ()):
            _, total = found.setdefault(_labels(rule, labels, family.label_names), ({}, [0.0]))
            total[0] += value * rule.scale
    for key, (cumulative, total) in found.items():
        missing = [bound for bound in (*bounds, float("inf")) if bound not in cumulative]
        if missing:
            raise ValueError(_no_bucket(rules, family.name, missing[0], cumulative))
        steps = [cumulative[bound] for bound in (*bounds, float("inf"))]
        counts = [int(high - low) for low, high in zip([0.0, *steps], steps, strict=False)]
        yield key, HistogramValue(counts, total[0])


def _no_bucket(rules: list[Rule], name: str, missing: float, found: Iterable[float]) -> str:
    theirs = " and ".join(rule.metric for rule in rules)
    bounds = sorted(bound for bound in found if isfinite(bound))
    if not bounds:
        return f"{name}: {theirs} has no classic buckets: have the endpoint serve them, or leave its rule out of the mapping"
    shown = ", ".join(f"{bound:g}" for bound in bounds[:40])
    unscaled = all(rule.scale == 1 for rule in rules)
    fix = f"declare {name} under `metrics` with `buckets` among those" + ("" if unscaled else " (they are in our unit)")
    return f"{name}: {theirs} has no bucket with the upper bound {number(missing)}, only {shown}: {fix}"
