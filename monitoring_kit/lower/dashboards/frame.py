"""The frame of a dashboard: everything beside its panels."""

from __future__ import annotations

from functools import cache
from typing import Any

from monitoring_kit.conventions import DATASOURCE_UID
from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.lower.dashboards.panel import DATASOURCE
from monitoring_kit.lower.tree import Branch
from monitoring_kit.spec.quantity import Duration

# The last version of the classic shape, which is also the only one that file provisioning loads in every Grafana
# since 10 (grafana/grafana apps/dashboard/pkg/migration/schemaversion/README.md).
SCHEMA_VERSION = 42
DATASOURCE_NAME = "mkit Prometheus"
ALL: dict[str, Any] = {"text": ["All"], "value": ["$__all"]}

_BUILT_IN = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}
DATASOURCE_VARIABLE = {
    "name": "datasource",
    "label": "Data source",
    "description": "The Prometheus that the panels ask.",
    "type": "datasource",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "multi": False,
    "includeAll": False,
    "hide": 0,
    "skipUrlSync": False,
    "options": [],
    "current": {"text": DATASOURCE_NAME, "value": DATASOURCE_UID},
}


def label_variable(name: str, label: str, description: str, query: str, everything: str = ".+") -> dict[str, Any]:
    """A variable with the values of a label: any number of them, or all; it must stand behind ``=~``.

    ``everything`` is what "All" stands for: ``.*`` also selects series without the label.
    """
    return {
        "name": name,
        "label": label,
        "description": description,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "hide": 0,
        "skipUrlSync": False,
        "options": [],
        "current": ALL,
    }


def alert_annotation(expr: str) -> dict[str, Any]:
    """An annotation for every firing alert that ``expr`` finds. ``expr`` and ``step`` stand at the root, where every
    Grafana since 5 reads them and newer ones move them from."""
    return {
        "name": "Firing alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": expr,
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{service}} {{severity}}",
        "tagKeys": "alertname,severity",
    }


def dashboard(
    board: Board, kind: str, title: str, description: str, *, interval: Duration, origin: Span | None, tags: list[str],
    variables: list[dict[str, Any]], annotation: str, links: list[dict[str, Any]],
) -> Branch:  # fmt: skip
    """A dashboard of ``board``'s panels. ``kind`` is a frame of the library; ``interval`` the shortest scrape interval
    it shows, under which it is never refreshed."""
    frame = library()["frames"][kind]
    refresh, choices = _refresh(frame["refresh"], interval.ms)
    return Branch(
        origin,
        {
            "uid": board.uid,
            "title": title,
            "description": description,
            "tags": tags,
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": frame["from"], "to": "now"},
            "refresh": refresh,
            "timepicker": {"refresh_intervals": choices},
            "links": links,
            "annotations": {"list": [_BUILT_IN, alert_annotation(annotation)]},
            "templating": {"list": [DATASOURCE_VARIABLE, *variables]},
            "panels": board.panels,
        },
    )


@cache
def _refresh(wanted: str, interval_ms: int) -> tuple[str, list[str]]:
    known = [(Duration.of(text).ms, text) for text in library()["refresh_intervals"]]
    choices = [text for ms, text in known if ms >= interval_ms] or [known[-1][1]]
    return (wanted if wanted in choices else choices[0]), choices
