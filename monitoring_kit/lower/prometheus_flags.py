"""``prometheus/flags``: the command line of the Prometheus servers, one flag a line, as ``prometheus @flags`` reads it."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import Prometheus

CONFIG_FOLDER = "/etc/prometheus"
DATA_FOLDER = "/prometheus"
# A remote store that cannot drain blocks a reload for this long, once a store; the server's default is a minute each.
FLUSH_DEADLINE = "10s"
OPENS_UP = {
    "web.enable-admin-api": "anyone who reaches the port can then delete series and take snapshots",
    "web.enable-lifecycle": "anyone who reaches the port can then stop the server; reload with SIGHUP instead",
    "web.enable-remote-write-receiver": "anyone who reaches the port can then write series",
}


def lower_flags(system: System, report: Report) -> list[OutFile]:
    """The flags file. Paths are those of the container image: another deployment replaces the first two lines."""
    prometheus = system.spec.prometheus
    flags = mkit_flags(prometheus)
    for name, value in prometheus.flags.items():
        span = prometheus.at("flags")
        if name in flags:
            report.error(
                "prometheus/flag", f"mkit sets `--{name}` itself", span, help=_OWN_KEYS.get(name, "remove the flag")
            )
        if name in OPENS_UP and value != "false":
            report.warning("prometheus/open-flag", f"`--{name}`: {OPENS_UP[name]}", span)
    lines = [flag_line(name, value) for name, value in {**flags, **prometheus.flags}.items()]
    return [OutFile(conventions.PROMETHEUS_FLAGS, "text", "".join(f"{line}\n" for line in lines))]


def mkit_flags(prometheus: Prometheus) -> dict[str, str]:
    """The flags that the spec's own keys imply, by name; "" for a flag without a value."""
    flags = {
        "config.file": f"{CONFIG_FOLDER}/prometheus.yml",
        "storage.tsdb.path": DATA_FOLDER,
        "storage.tsdb.retention.time": str(prometheus.retention.time),
    }
    if prometheus.retention.size is not None:
        flags["storage.tsdb.retention.size"] = prometheus.retention.size
    flags["storage.remote.flush-deadline"] = FLUSH_DEADLINE
    flags["web.listen-address"] = prometheus.listen
    if prometheus.external_url is not None:
        flags["web.external-url"] = prometheus.external_url
    if prometheus.web is not None:
        flags["web.config.file"] = f"{CONFIG_FOLDER}/web.yml"
    if prometheus.features:
        flags["enable-feature"] = ",".join(prometheus.features)
    return flags


_OWN_KEYS = {
    "storage.tsdb.retention.time": "set `prometheus.retention.time`",
    "storage.tsdb.retention.size": "set `prometheus.retention.size`",
    "web.listen-address": "set `prometheus.listen`",
    "web.external-url": "set `prometheus.external_url`",
    "enable-feature": "set `prometheus.features`",
    "web.config.file": "set `prometheus.web`",
}


def flag_line(name: str, value: str) -> str:
    """A flag as the command line takes it."""
    # kingpin's boolean flags take no value: `--web.enable-lifecycle=true` is refused, `--no-…` says false.
    if value in ("", "true"):
        return f"--{name}"
    return f"--no-{name}" if value == "false" else f"--{name}={value}"
