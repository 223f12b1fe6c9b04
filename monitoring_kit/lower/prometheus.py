"""``prometheus/``: the servers' configuration, flags and web configuration.

A highly available pair runs the same file but for the value of the replica label, so each server has a file of its own:
``prometheus.yml`` for replica a, ``prometheus-b.yml`` for b and so on. (Expanding an environment variable in
``external_labels`` would need only one, but an unset variable then silently becomes an empty label and nothing is
deduplicated any more, and no tool could prove the file before it runs.)
"""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.prometheus_flags import lower_flags
from monitoring_kit.lower.prometheus_web import lower_web
from monitoring_kit.lower.relabel import drop_label
from monitoring_kit.lower.relabel_losses import check_relabeling
from monitoring_kit.lower.remote import remote_reads, remote_writes
from monitoring_kit.lower.scrape import scrape_job
from monitoring_kit.lower.self_monitoring import alertmanager_access, self_jobs
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System

RULE_FILES = "rules/*.yml"


def lower_prometheus(system: System, model: Model, report: Report) -> list[OutFile]:
    """``prometheus.yml`` of every replica, ``flags``, and ``web.yml`` where the spec has TLS or users."""
    spec = system.spec.prometheus
    check_external_labels(system, report)
    check_relabeling(system, model, report)
    labels = system.external_labels
    origin = system.spec.at("prometheus")
    rest = Branch(
        origin,
        alerting=_alerting(system, report),
        rule_files=[RULE_FILES] if model.groups else None,
        scrape_configs=scrape_configs(system, report),
        remote_write=remote_writes(system, report) or None,
        remote_read=remote_reads(system, report) or None,
    )
    mode = 0o640 if _names_secrets(rest) else 0o644
    files = []
    for replica in conventions.replicas(spec.replicas):
        own = {**labels, system.replica: replica} if system.replica is not None else labels
        top = Branch(
            origin,
            scrape_interval=str(spec.scrape_interval),
            evaluation_interval=str(spec.evaluation_interval),
            external_labels=dict(own),
        )
        files.append(
            OutFile(conventions.prometheus_file(replica), "yaml", Branch(origin, {"global": top, **rest}), mode)
        )
    return [*files, *lower_flags(system, report), *lower_web(system, report)]


def check_external_labels(system: System, report: Report) -> None:
    """External labels that Prometheus 2 and 3 read differently, or that a pair needs for itself."""
    where = system.spec.prometheus.at("external_labels")
    for name, value in system.external_labels.items():
        if "$" in value:
            report.error(
                "prometheus/external-label",
                f"the external label `{name}` holds a `$`: Prometheus 3 replaces variables there, Prometheus 2 does not",
                where,
                help="leave the `$` out",
            )
        if name == system.replica:
            report.error("prometheus/external-label", f"mkit sets the external label `{name}` itself", where)


def scrape_configs(system: System, report: Report) -> list[Branch]:
    """One job a service in the spec's order, then those that watch the monitoring itself."""
    jobs = [scrape_job(system, view, report) for view in system.services.values()]
    return [job for job in jobs if job is not None] + self_jobs(system, report)


def alert_relabeling(replica: str) -> list[Branch]:
    """Drops the replica label, so that a pair's alerts are one alert; the watchdog of each server stays apart, because it
    says that *this* server is alive."""
    kept = Branch(
        source_labels=["alertname", replica],
        regex=f"{conventions.WATCHDOG};(.+)",
        target_label=conventions.PROMETHEUS_REPLICA,
    )
    return [kept, drop_label(replica)]


def _alerting(system: System, report: Report) -> Branch | None:
    alerting = system.spec.alerting
    if not alerting.alertmanagers:
        return None
    # Every Alertmanager itself, never a load balancer: the cluster deduplicates only what all its members have seen.
    targets = Branch(alerting.at("alertmanagers"), targets=list(alerting.alertmanagers))
    return Branch(
        system.spec.at("alerting"),
        alert_relabel_configs=alert_relabeling(system.replica) if system.replica is not None else None,
        alertmanagers=[
            Branch(
                alerting.at("alertmanagers"),
                {"api_version": "v2", **alertmanager_access(system, report), "static_configs": [targets]},
            )
        ],
    )


def _names_secrets(tree: object) -> bool:
    if isinstance(tree, dict):
        return any(key in ("password_file", "credentials_file") or _names_secrets(value) for key, value in tree.items())
    return isinstance(tree, list) and any(_names_secrets(value) for value in tree)
