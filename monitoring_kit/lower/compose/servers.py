"""The servers of the stack: Prometheus, Alertmanager, Grafana, InfluxDB."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from monitoring_kit import conventions
from monitoring_kit.lower import alertmanager_flags, influxdb, prometheus_flags
from monitoring_kit.lower.compose.container import Container
from monitoring_kit.lower.compose.secrets import Secrets
from monitoring_kit.resolve.system import System

ADMIN_PASSWORD = "/run/secrets/grafana-admin-password"  # noqa: S105 - a path


def local_host(address: str) -> str | None:
    """The host of ``host:port`` when it is a plain name, which a container can have; None for addresses of elsewhere."""
    host = address.rpartition(":")[0] or address
    plain = host.replace("-", "").replace("_", "").isalnum() and not host.isdecimal()
    return host if plain and host != "localhost" else None


def prometheus_names(system: System) -> list[str]:
    """The container of each replica."""
    names = conventions.replicas(system.spec.prometheus.replicas)
    return ["prometheus"] if len(names) == 1 else [f"prometheus-{name}" for name in names]


def alertmanagers(system: System) -> dict[str, str]:
    """Container name to port of the Alertmanagers that can run here."""
    found = {}
    for address in system.spec.alerting.alertmanagers:
        host = local_host(address)
        if host is not None:
            found[host] = address.rpartition(":")[2]
    return found


def influxdb_host(system: System) -> str | None:
    """The container that InfluxDB's URL names."""
    found = influxdb.enabled(system)
    return local_host(urlsplit(found.url).netloc) if found is not None else None


def prometheus(system: System, secrets: Secrets) -> Iterator[Container]:
    """One container a replica, each with the configuration of its own. The first also answers to ``prometheus``."""
    spec = system.spec.prometheus
    port = spec.listen.rpartition(":")[2]
    scrapes = [view.spec.scrape for view in system.services.values()]
    files = secrets.of([spec, scrapes, influxdb.enabled(system), system.spec.alerting], prometheus_flags.CONFIG_FOLDER)
    names = prometheus_names(system)
    host = influxdb_host(system)
    for number, (name, replica) in enumerate(zip(names, conventions.replicas(spec.replicas), strict=True)):
        config = conventions.prometheus_file(replica).removeprefix("prometheus/")
        flags = {
            **prometheus_flags.mkit_flags(spec),
            **spec.flags,
            "config.file": f"{prometheus_flags.CONFIG_FOLDER}/{config}",
            "web.listen-address": f":{port}",
        }
        yield Container(
            name,
            "prometheus",
            system.spec.at("prometheus"),
            command=[prometheus_flags.flag_line(flag, value) for flag, value in flags.items()],
            mounts=[("prometheus", prometheus_flags.CONFIG_FOLDER)],
            data=[(f"{name}-data", prometheus_flags.DATA_FOLDER)],
            ports=[f"{port if number == 0 else 19090 + number}:{port}"],
            secrets=files,
            # The login of a web configuration is not known here: then an open port has to do.
            health=["nc", "-z", "127.0.0.1", port]
            if spec.web is not None
            else ["promtool", "check", "healthy", f"--url=http://127.0.0.1:{port}"],
            needs=[*alertmanagers(system), *([host] if host is not None else [])],
            aliases=["prometheus"] if number == 0 and name != "prometheus" else [],
        )


def alertmanager(system: System, secrets: Secrets) -> Iterator[Container]:
    """One container for each Alertmanager that Prometheus sends to by a plain name."""
    web = system.spec.prometheus.web
    files = secrets.of([list(system.spec.channels.values()), web], alertmanager_flags.CONFIG_FOLDER)
    for number, (name, port) in enumerate(alertmanagers(system).items()):
        flags = {**alertmanager_flags.alertmanager_flags(system), "web.listen-address": (f":{port}",)}
        yield Container(
            name,
            "alertmanager",
            system.spec.at("alerting"),
            command=[f"--{flag}={value}" for flag, values in flags.items() for value in values],
            mounts=[("alertmanager", alertmanager_flags.CONFIG_FOLDER)],
            data=[(f"{name}-data", alertmanager_flags.DATA_FOLDER)],
            ports=[f"{port if number == 0 else 19093 + number}:{port}"],
            secrets=files,
            health=["nc", "-z", "127.0.0.1", port]
            if web is not None
            else ["amtool", "cluster", "show", f"--alertmanager.url=http://127.0.0.1:{port}"],
        )


def grafana(system: System, secrets: Secrets) -> Container:
    """Grafana with its provisioning; the administrator's password by file."""
    environment = {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": ADMIN_PASSWORD,
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    }
    if system.spec.grafana.url is not None:
        environment["GF_SERVER_ROOT_URL"] = system.spec.grafana.url
    return Container(
        "grafana",
        "grafana",
        system.spec.at("grafana"),
        environment=environment,
        mounts=[
            (conventions.GRAFANA_PROVISIONING, "/etc/grafana/provisioning"),
            (conventions.GRAFANA_DASHBOARDS, conventions.GRAFANA_MOUNT),
        ],
        data=[("grafana-data", "/var/lib/grafana")],
        ports=["3000:3000"],
        secrets=[secrets.named(ADMIN_PASSWORD)],
        health=["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"],
        needs=prometheus_names(system)[:1],
    )


def influx(system: System) -> Iterator[Container]:
    """InfluxDB, set up at its first start, when its URL names a container."""
    found, host = influxdb.enabled(system), influxdb_host(system)
    if found is None or host is None:
        return
    port = str(urlsplit(found.url).port or 8086)
    yield Container(
        host,
        "influxdb",
        found.node.span,
        environment={"INFLUXDB_HTTP_BIND_ADDRESS": f":{port}", "INFLUXDB_REPORTING_DISABLED": "true"},
        mounts=[("influxdb", "/docker-entrypoint-initdb.d")],
        data=[(f"{host}-data", "/var/lib/influxdb")],
        ports=[f"{port}:{port}"],
        health=["influx", "-port", port, "-execute", "SHOW DATABASES"],
    )
