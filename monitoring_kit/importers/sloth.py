"""sloth's specs: ``version: prometheus/v1`` and the Kubernetes object ``sloth.slok.dev/v1 PrometheusServiceLevel``.

Read: slok/sloth pkg/prometheus/api/v1/v1.go and pkg/kubernetes/api/sloth/v1/types.go (v0.16).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monitoring_kit.importers.result import Imported, ImportFailedError, documents, items, mapping, percent, spec_name

_WINDOW = re.compile(r"\{\{\s*\.window\s*\}\}")
_SEVERITIES = ("critical", "warning", "info")
_KNOWN = {"name", "description", "objective", "labels", "sli", "alerting", "plugins"}


def import_sloth(paths: Iterable[Path]) -> Imported:
    """The objectives of sloth files, every document of each. Raises ImportFailedError for a file that is none of sloth's."""
    found = Imported()
    for path in paths:
        known = False
        for document in documents(path):
            known = _document(document, found) or known
        if not known:
            raise ImportFailedError(
                f"{path}: no document says `version: prometheus/v1` or `kind: PrometheusServiceLevel`"
            )
    return found


def _document(document: dict[str, Any], found: Imported) -> bool:
    if document.get("version") == "prometheus/v1":
        body = document
    elif document.get("kind") == "PrometheusServiceLevel" and str(document.get("apiVersion", "")).startswith(
        "sloth.slok.dev/"
    ):
        body = mapping(_snake(document.get("spec")))
    else:
        return False
    service = spec_name(body.get("service", ""))
    if body.get("slo_plugins"):
        found.note(service, "", "`slo_plugins` are Go programs of sloth's and have no counterpart")
    for slo in items(body.get("slos")):
        _slo(service, mapping(body.get("labels")), slo, found)
    return True


def _snake(value: Any) -> Any:
    """The keys of the Kubernetes object as the file format spells them: errorQuery is error_query. Labels stay as they are."""
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"(?<=[a-z])([A-Z])", lambda m: "_" + m[1].lower(), str(k)): v
        if k in ("labels", "annotations")
        else _snake(v)
        for k, v in value.items()
    }


def _slo(service: str, labels: dict[str, Any], slo: dict[str, Any], found: Imported) -> None:
    name = spec_name(slo.get("name", ""))
    counted = _sli(service, name, mapping(slo.get("sli")), found)
    objective = percent(slo.get("objective"))
    if counted is None:
        return
    if objective is None:
        found.note(service, name, f"left out: `{slo.get('objective')}` is no objective")
        return
    for key in sorted(set(slo) - _KNOWN):
        found.note(service, name, f"`{key}` is no key of sloth's, which ignores it; left out")
    if slo.get("plugins"):
        found.note(service, name, "`plugins` are Go programs of sloth's and have no counterpart")
    found.add(service, name, {
        **counted,
        "description": slo.get("description"),
        "objective": objective,
        "window": "30d",
        "labels": {str(k): str(v) for k, v in {**labels, **mapping(slo.get("labels"))}.items()},
        "tiers": _tiers(service, name, mapping(slo.get("alerting")), found),
    })  # fmt: skip


def _sli(service: str, name: str, sli: dict[str, Any], found: Imported) -> dict[str, str] | None:
    events, raw = mapping(sli.get("events")), mapping(sli.get("raw"))
    if events.get("error_query") and events.get("total_query"):
        return {"total": _query(events["total_query"]), "bad": _query(events["error_query"])}
    if raw.get("error_ratio_query"):
        return {"error_ratio": _query(raw["error_ratio_query"])}
    plugin = mapping(sli.get("plugin")).get("id")
    what = f"the SLI plugin `{plugin}` is a Go program" if plugin else "it has no SLI"
    found.note(service, name, f"left out: {what}; write its `total` and `bad` queries")
    return None


def _query(text: Any) -> str:
    return " ".join(_WINDOW.sub("$window", str(text)).split())


def _tiers(service: str, name: str, alerting: dict[str, Any], found: Imported) -> dict[str, Any]:
    tiers: dict[str, Any] = {}
    for kind in ("page", "ticket"):
        alert = mapping(alerting.get(f"{kind}_alert"))
        common = _alert(service, name, kind, alerting, alert, found)
        for speed in ("fast", "slow") if common else ():
            tiers[f"{kind}_{speed}"] = dict(common)
    if alerting.get("annotations"):
        found.note(service, name, "the annotations of its alerts are written by mkit")
    return tiers


def _alert(
    service: str, name: str, kind: str, alerting: dict[str, Any], alert: dict[str, Any], found: Imported
) -> dict[str, Any]:
    if alert.get("disable") is True:
        return {"disable": True}
    made: dict[str, Any] = {}
    if alerting.get("name"):
        made["name"] = spec_name(alerting["name"])
    for label, value in {**mapping(alerting.get("labels")), **mapping(alert.get("labels"))}.items():
        if label == "severity" and value in _SEVERITIES:
            made["severity"] = value
        else:
            found.note(service, name, f"the label `{label}={value}` of its {kind} alert: choose channels with `notify`")
    if alert.get("annotations"):
        found.note(service, name, f"the annotations of its {kind} alert are written by mkit")
    return made
