"""An import as the text of a spec."""

from __future__ import annotations

import textwrap
from typing import Any

from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.importers.metrics import declared, jobs
from monitoring_kit.importers.result import Imported
from monitoring_kit.spec.model import SPEC_VERSION


def as_spec(imported: Imported, system: str, source: str) -> str:
    """A whole spec: the objectives, the services that have them, the metrics that they read, and the notes as comments.

    How the services are scraped is a guess that the notes tell of; the longest window decides the retention.
    """
    services: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    notes = list(imported.notes)
    for service, slos in imported.services.items():
        queries = imported.queries.get(service, [])
        foreign = sorted(jobs(queries) - {service})
        scrape: dict[str, Any] = {"targets": [f"{service}:80"]}
        notes.append(f"{service}: its targets are a guess; the kind `business` assumes no metric of its own")
        if foreign:
            scrape["honor_labels"] = True
            notes.append(
                f"{service}: its queries select job {', '.join(foreign)}, but mkit names the job after the service"
            )
        services[service] = {"kind": "business", "scrape": scrape, "slos": slos}
        for name, metric in declared(service, queries).items():
            _join(metrics, name, metric)
    spec: dict[str, Any] = {
        "version": SPEC_VERSION,
        "system": system,
        "prometheus": {"retention": {"time": "100d"}},
        "services": services,
    }
    if metrics:
        spec["metrics"] = metrics
    head = [f"Imported by mkit from {source}.", *(line for note in notes for line in _wrapped(note))]
    return yaml_text(spec, tuple(head))[0]


def _join(metrics: dict[str, Any], name: str, metric: dict[str, Any]) -> None:
    known = metrics.setdefault(name, metric)
    if known is metric:
        return
    known["services"] = [*known["services"], *metric["services"]]
    if known.get("labels") or metric.get("labels"):
        known["labels"] = {**known.get("labels", {}), **metric.get("labels", {})}
    buckets = {*known.get("buckets", ()), *metric.get("buckets", ())}
    if buckets:
        known["buckets"] = sorted(buckets)


def _wrapped(note: str) -> list[str]:
    clean = " ".join(note.split())
    return textwrap.wrap(f"- {clean}", 118, subsequent_indent="  ")
