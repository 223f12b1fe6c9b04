"""OpenSLO v1 (github.com/OpenSLO/OpenSLO): SLO objects, with the SLIs and alert policies that they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monitoring_kit.importers.counters import windowed
from monitoring_kit.importers.result import Imported, ImportFailedError, documents, items, mapping, percent, spec_name

_VERSION = "openslo/v1"
_ROLLING = {"1w": "7d", "7d": "7d", "2w": "14d", "14d": "14d", "4w": "28d", "28d": "28d", "30d": "30d", "90d": "90d"}
_CALENDAR = {"1M": "month", "1Q": "quarter", "3M": "quarter"}


def import_openslo(paths: Iterable[Path]) -> Imported:
    """The objectives of OpenSLO files; objects may refer to each other across files.

    Raises ImportFailedError for a file without any object of OpenSLO v1.
    """
    found = Imported()
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    slos = []
    for path in paths:
        mine = [d for d in documents(path) if d.get("apiVersion") == _VERSION]
        if not mine:
            raise ImportFailedError(f"{path}: no document says `apiVersion: {_VERSION}`")
        for document in mine:
            objects[str(document.get("kind")), _name(document)] = document
            if document.get("kind") == "SLO":
                slos.append(document)
    for slo in slos:
        _slo(slo, objects, found)
    for kind, name in objects:
        if kind in ("DataSource", "AlertNotificationTarget"):
            found.notes.append(
                f"{kind} {name}: servers and channels are named in the spec itself (`prometheus`, `channels`)"
            )
    return found


def _name(document: dict[str, Any]) -> str:
    return str(mapping(document.get("metadata")).get("name", ""))


def _slo(document: dict[str, Any], objects: dict[tuple[str, str], dict[str, Any]], found: Imported) -> None:
    spec, meta = mapping(document.get("spec")), mapping(document.get("metadata"))
    service, name = spec_name(spec.get("service", "unknown")), spec_name(_name(document))
    indicator = _indicator(spec, objects)
    if indicator is None:
        found.note(service, name, f"left out: its indicator `{spec.get('indicatorRef')}` is in none of the files")
        return
    counted = _counted(service, name, indicator, found)
    if counted is None:
        return
    if spec.get("budgetingMethod", "Occurrences") != "Occurrences":
        found.note(
            service,
            name,
            f"`{spec['budgetingMethod']}` counts good minutes; imported as Occurrences, which counts events",
        )
    if spec.get("alertPolicies"):
        found.note(service, name, "its alert policies are replaced by the four burn-rate alerts (`tiers` changes them)")
    common = {
        **counted,
        "description": spec.get("description") or meta.get("displayName"),
        "window": _window(service, name, spec, found),
        "labels": _labels(service, name, mapping(meta.get("labels")), found),
    }
    objectives = items(spec.get("objectives"))
    for index, objective in enumerate(objectives):
        own = name if len(objectives) == 1 else spec_name(f"{name}-{objective.get('displayName') or index + 1}")
        _objective(service, own, objective, common, found)


def _objective(service: str, name: str, objective: dict[str, Any], common: dict[str, Any], found: Imported) -> None:
    target = objective.get("target")
    value = objective.get("targetPercent", float(target) * 100 if isinstance(target, int | float) else None)
    share = percent(value)
    if share is None:
        found.note(service, name, "left out: an objective without `target`")
        return
    for key in sorted(set(objective) - {"displayName", "target", "targetPercent"}):
        found.note(service, name, f"`{key}` of an objective has no counterpart")
    found.add(service, name, {**common, "objective": share})


def _indicator(spec: dict[str, Any], objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any] | None:
    inline = mapping(spec.get("indicator"))
    if inline:
        return mapping(inline.get("spec"))
    found = objects.get(("SLI", str(spec.get("indicatorRef"))))
    return None if found is None else mapping(found.get("spec"))


def _counted(service: str, name: str, indicator: dict[str, Any], found: Imported) -> dict[str, str] | None:
    ratio = mapping(indicator.get("ratioMetric"))
    if not ratio:
        found.note(service, name, "left out: only `ratioMetric` counts events; a threshold on a gauge does not")
        return None
    counter = ratio.get("counter") is True
    raw = _query(ratio.get("raw"))
    if raw is not None:
        query = windowed(raw, False)
        kind = str(ratio.get("rawType", "failure"))
        if query is not None:
            return {"error_ratio": query if kind == "failure" else f"1 - ({query})"}
    sides = {key: _query(ratio.get(key)) for key in ("total", "good", "bad")}
    made = {key: windowed(query, counter) for key, query in sides.items() if query is not None}
    if "total" not in made or len(made) < 2 or None in made.values():
        found.note(service, name, "left out: its queries are no PromQL over counters; write `total` and `bad` yourself")
        return None
    if len(made) == 3:
        del made["good"]
    return {key: query for key, query in made.items() if query is not None}


def _query(metric: Any) -> str | None:
    source = mapping(mapping(metric).get("metricSource"))
    query = mapping(source.get("spec")).get("query") or mapping(source.get("spec")).get("promql")
    return str(query) if query else None


def _window(service: str, name: str, spec: dict[str, Any], found: Imported) -> str | None:
    window = (items(spec.get("timeWindow")) or [{}])[0]
    duration = re.sub(r"\s", "", str(window.get("duration", "")))
    rolling = window.get("isRolling", "calendar" not in window)
    made = (_ROLLING if rolling else _CALENDAR).get(duration)
    if made is None:
        found.note(service, name, f"a window of `{duration or 'nothing'}` is not offered: the usual 30d is taken")
    zone = mapping(window.get("calendar")).get("timeZone", "UTC")
    if not rolling and zone != "UTC":
        found.note(service, name, f"its calendar is UTC, not {zone}")
    return made


def _labels(service: str, name: str, labels: dict[str, Any], found: Imported) -> dict[str, str]:
    made = {}
    for label, value in labels.items():
        if re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", str(label)) and isinstance(value, str):
            made[str(label)] = value
        else:
            found.note(service, name, f"`{label}` cannot be a label of Prometheus with one value")
    return made
