"""Scrape jobs for the monitoring itself, where the spec declares no service for it.

A Prometheus or Alertmanager that nobody scrapes fails unseen, so a spec without a service of kind ``prometheus`` (or
``alertmanager``, or without one for the StatsD exporter) gets such a job all the same, under the first free name. The
Prometheus job asks the server itself on localhost, so that both servers of a pair can carry the same file; declare a
service of kind ``prometheus`` with both addresses to have them watch each other.
"""

from __future__ import annotations

from typing import Any

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.access import client_settings
from monitoring_kit.lower.limits import derive
from monitoring_kit.lower.statsd import declared_metrics
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.metrics import shipped_metrics
from monitoring_kit.resolve.system import System


def self_jobs(system: System, report: Report) -> list[Branch]:
    """The jobs for Prometheus, the Alertmanagers and the StatsD exporter that no declared service covers."""
    kinds = {view.spec.kind for view in system.services.values()}
    jobs = []
    if "prometheus" not in kinds:
        jobs += _prometheus(system, report)
    if "alertmanager" not in kinds and system.spec.alerting.alertmanagers:
        access = alertmanager_access(system, Report())
        jobs.append(_job(system, "alertmanager", list(system.spec.alerting.alertmanagers), access))
    statsd = system.spec.statsd
    if statsd is not None and statsd.enabled and not _scraped(system, statsd.exporter):
        # The mapping sets `job` and `service` to whom a metric belongs; without honor_labels they would become exported_service.
        jobs.append(
            _job(system, "statsd-exporter", [statsd.exporter], {"honor_labels": True, **_statsd_limits(system)})
        )
    return jobs


def _prometheus(system: System, report: Report) -> list[Branch]:
    prometheus = system.spec.prometheus
    if prometheus.web is not None:
        report.info(
            "prometheus/self-scrape",
            "Prometheus cannot scrape itself: its login and certificate are not known here",
            prometheus.at("web"),
            help="declare a service of kind prometheus with `scheme: https`, `tls` and `basic_auth`",
        )
        return []
    return [_job(system, "prometheus", [f"localhost:{prometheus.listen.rpartition(':')[2]}"])]


def _statsd_limits(system: System) -> dict[str, Any]:
    """Scrape limits of the StatsD exporter: its own metrics, and every declared one of every service that may send it."""
    sent = [info for info, services in declared_metrics(system) for _ in services]
    own = shipped_metrics("statsd_exporter")
    return derive([*own, *sent], {"job": "statsd-exporter", conventions.SERVICE: "statsd-exporter"})


def alertmanager_access(system: System, report: Report) -> dict[str, Any]:
    """How Prometheus reaches the Alertmanagers, which have the same web configuration as itself.

    Reports what would keep every alert from arriving: users without a login, client certificates without one.
    """
    alerting, web = system.spec.alerting, system.spec.prometheus.web
    where = alerting.at("alertmanagers") if alerting.has("alertmanagers") else system.spec.prometheus.at("web")
    if web is not None and web.users and alerting.basic_auth is None:
        report.error(
            "alerting/login", "the Alertmanagers have users but Prometheus has no login there: no alert would arrive",
            where, help="add alerting: {basic_auth: {username: …, password_file: /run/secrets/alertmanager}}",
        )  # fmt: skip
    if web is not None and web.client_ca_file is not None and (alerting.tls is None or alerting.tls.cert_file is None):
        report.error(
            "alerting/login", "the Alertmanagers want client certificates but Prometheus has none: no alert would arrive",
            where, help="add alerting: {tls: {cert_file: …, key_file: …, ca_file: …}}",
        )  # fmt: skip
    secure = alerting.tls is not None or (web is not None and web.cert_file is not None)
    settings = client_settings(report, where, tls=alerting.tls, basic_auth=alerting.basic_auth)
    return {"scheme": "https", **settings} if secure else settings


def _job(system: System, wanted: str, targets: list[str], settings: dict[str, Any] | None = None) -> Branch:
    name = free_name(system, wanted)
    origin = system.spec.at("prometheus")
    static = Branch(origin, targets=targets, labels={conventions.SERVICE: name})
    return Branch(origin, {"job_name": name, **(settings or {}), "static_configs": [static]})


def free_name(system: System, wanted: str) -> str:
    """``wanted``, or ``mkit-<wanted>`` where a service of another kind has that name."""
    return wanted if wanted not in system.services else f"mkit-{wanted}"


def _scraped(system: System, target: str) -> bool:
    return any(view.spec.scrape and target in view.spec.scrape.targets for view in system.services.values())
