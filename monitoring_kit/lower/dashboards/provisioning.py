"""How Grafana finds its data sources and dashboards at start."""

from __future__ import annotations

from typing import Any

from monitoring_kit.conventions import (
    ALERTMANAGER_DATASOURCE_UID,
    DATASOURCE_UID,
    GRAFANA_DASHBOARDS,
    GRAFANA_MOUNT,
    GRAFANA_PROVISIONING,
    dashboard_uid,
)
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.frame import DATASOURCE_NAME
from monitoring_kit.lower.tree import Branch, OutFile

_ALERTMANAGER_NAME = "mkit Alertmanager"

# Rules of grafana/dashboard-linter that ask for what these dashboards do another way; it reads them from `.lint`.
_JOB = "Every dashboard is of one job or of the label service; a variable for the job would offer nothing or too much."
_RECORDED = "Recorded series keep the label service; the ones that also keep the instance are filtered by it."
_EXCLUDED = {
    "template-job-rule": _JOB,
    "template-instance-rule": "Dashboards of several services are filtered by service.",
    "target-job-rule": _RECORDED,
    "target-instance-rule": _RECORDED,
}


def folder_title(context: Context) -> str:
    """The folder of the system's dashboards."""
    return context.system.spec.grafana.folder or context.system.name


def provisioning_files(context: Context) -> list[OutFile]:
    """The provisioning of data sources and of the one folder of dashboards."""
    return [
        OutFile(f"{GRAFANA_PROVISIONING}/datasources/mkit.yml", "yaml", _datasources(context)),
        OutFile(f"{GRAFANA_PROVISIONING}/dashboards/mkit.yml", "yaml", _dashboards(context)),
        OutFile(
            f"{GRAFANA_DASHBOARDS}/.lint",
            "yaml",
            Branch(None, {"exclusions": {k: {"reason": v} for k, v in _EXCLUDED.items()}}),
        ),
    ]


def _datasources(context: Context) -> Branch:
    spec = context.system.spec
    sources = [_prometheus(context)]
    if spec.alerting.alertmanagers:
        sources.append(_alertmanager(context))
    return Branch(spec.at("grafana"), {"apiVersion": 1, "prune": True, "datasources": sources})


def _prometheus(context: Context) -> Branch:
    spec = context.system.spec
    options: dict[str, Any] = {
        "httpMethod": "POST",
        # Without it $__rate_interval assumes 15s, and a rate over fewer than two scrapes draws nothing.
        "timeInterval": str(spec.prometheus.scrape_interval),
        "prometheusType": "Prometheus",
        "prometheusVersion": _three_parts(spec.compatibility.prometheus),
        "manageAlerts": True,
    }
    if spec.alerting.alertmanagers:
        options["alertmanagerUid"] = ALERTMANAGER_DATASOURCE_UID
    return Branch(
        spec.grafana.at("prometheus_url"),
        {
            "name": DATASOURCE_NAME,
            "type": "prometheus",
            "uid": DATASOURCE_UID,
            "access": "proxy",
            "url": _literal(spec.grafana.prometheus_url),
            "editable": False,
            "jsonData": options,
        },
    )


def _alertmanager(context: Context) -> Branch:
    alerting = context.system.spec.alerting
    return Branch(
        alerting.at("alertmanagers"),
        {
            "name": _ALERTMANAGER_NAME,
            "type": "alertmanager",
            "uid": ALERTMANAGER_DATASOURCE_UID,
            "access": "proxy",
            "url": _literal(f"http://{alerting.alertmanagers[0]}"),
            "editable": False,
            "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
        },
    )


def _dashboards(context: Context) -> Branch:
    grafana = context.system.spec.grafana
    provider = Branch(
        grafana.at("folder"),
        {
            "name": f"mkit {context.system.slug}",
            "orgId": 1,
            "folder": _literal(folder_title(context)),
            "folderUid": dashboard_uid(context.system.name, "folder"),
            "type": "file",
            "disableDeletion": False,
            "allowUiUpdates": False,
            "updateIntervalSeconds": 30,
            "options": {"path": GRAFANA_MOUNT, "foldersFromFilesStructure": False},
        },
    )
    return Branch(grafana.at(), {"apiVersion": 1, "providers": [provider]})


def _literal(text: str) -> str:
    """``text`` safe from Grafana, which replaces ``$NAME`` in provisioning files by the environment."""
    return text.replace("$", "$$")


def _three_parts(version: str) -> str:
    return version if version.count(".") == 2 else f"{version}.0"
