"""``alertmanager/flags`` and ``alertmanager/web.yml``: the command line, one flag a line, and TLS and login."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager_timing import SEVERITIES, repeat_interval
from monitoring_kit.lower.prometheus_web import web_config
from monitoring_kit.lower.tree import OutFile, flags_file
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.alerting import Alerting
from monitoring_kit.spec.quantity import Duration

CONFIG_FOLDER = "/etc/alertmanager"
DATA_FOLDER = "/alertmanager"
# cmd/alertmanager/main.go: how long the notification log is kept; what is forgotten is sent again too early.
RETENTION = Duration(120 * 3_600_000)
# The key of the spec that stands for each flag; () for one that no key changes.
_KEYS: dict[str, tuple[str, ...]] = {
    "config.file": (),
    "storage.path": (),
    "data.retention": ("alerting", "repeat_interval"),
    "web.listen-address": ("alerting", "listen"),
    "web.external-url": ("alerting", "external_url"),
    "web.config.file": ("prometheus", "web"),
    "cluster.listen-address": ("alerting", "cluster", "listen"),
    "cluster.peer": ("alerting", "cluster", "peers"),
    "cluster.peer-timeout": ("alerting", "cluster", "peer_timeout"),
}


def lower_flags(system: System) -> list[OutFile]:
    """The flags file. Paths are those of the container image: another deployment replaces the first two lines."""
    # Without a cluster it is the whole block that is missing: an address alone is refused.
    gossip = {} if system.spec.alerting.cluster else {"cluster.listen-address": ("alerting", "cluster")}
    keys = _KEYS | gossip
    lines = [
        (f"--{name}={value}", keys[name]) for name, values in alertmanager_flags(system).items() for value in values
    ]
    return [flags_file(conventions.ALERTMANAGER_FLAGS, system.spec.node, lines)]


def alertmanager_flags(system: System) -> dict[str, tuple[str, ...]]:
    """Flag to its values, in order; only ``cluster.peer`` can have several."""
    alerting = system.spec.alerting
    flags: dict[str, tuple[str, ...]] = {
        "config.file": (f"{CONFIG_FOLDER}/alertmanager.yml",),
        "storage.path": (DATA_FOLDER,),
    }
    longest = max(repeat_interval(alerting, severity) for severity in SEVERITIES)
    if longest >= RETENTION:
        flags["data.retention"] = (f"{longest.ms * 2 // 3_600_000}h",)
    flags["web.listen-address"] = (alerting.listen,)
    if alerting.external_url is not None:
        flags["web.external-url"] = (alerting.external_url,)
    if system.spec.prometheus.web is not None:
        flags["web.config.file"] = (f"{CONFIG_FOLDER}/web.yml",)
    return flags | _cluster_flags(alerting)


def _cluster_flags(alerting: Alerting) -> dict[str, tuple[str, ...]]:
    cluster = alerting.cluster
    if cluster is None:
        # An empty address turns gossip off; by default a lone Alertmanager would listen for peers on every interface.
        return {"cluster.listen-address": ("",)}
    return {
        "cluster.listen-address": (cluster.listen,),
        "cluster.peer": tuple(dict.fromkeys(cluster.peers)),
        "cluster.peer-timeout": (str(cluster.peer_timeout),),
    }


def lower_web(system: System) -> list[OutFile]:
    """The web configuration, the same as that of Prometheus, when the spec has one. It holds bcrypt hashes, therefore mode 0600."""
    web = system.spec.prometheus.web
    if web is None:
        return []
    # Its mistakes are reported with Prometheus' own file.
    return [OutFile(conventions.ALERTMANAGER_WEB, "yaml", web_config(web, Report()), 0o600)]
