"""The exporters of the stack: those that a scrape target names ``…-exporter``, Pushgateways, the blackbox exporter and StatsD's."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower import statsd as mapping
from monitoring_kit.lower.compose.container import Container
from monitoring_kit.lower.compose.secrets import Secrets
from monitoring_kit.lower.compose.servers import local_host
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.services import Probe

# The modules of the blackbox exporter's own configuration (prometheus/blackbox_exporter, blackbox.yml).
BLACKBOX_MODULES = (
    "http_2xx", "http_post_2xx", "tcp_connect", "pop3s_banner", "grpc", "grpc_plain", "ssh_banner", "ssh_banner_extract",
    "irc_banner", "icmp", "icmp_ttl5",
)  # fmt: skip


def exporters(system: System, secrets: Secrets, report: Report) -> Iterator[Container]:
    """A container for each exporter that mkit knows how to run."""
    seen: set[str] = set()
    for view in system.services.values():
        scrape = view.spec.scrape
        if scrape is None:
            continue
        if scrape.probe is not None:
            host = local_host(scrape.probe.exporter)
            _check_module(scrape.probe, report)
            if host is not None and host not in seen:
                seen.add(host)
                yield _blackbox(system, host, scrape.probe)
            continue
        for target in scrape.targets:
            host = local_host(target)
            made = _known(view, host, target.rpartition(":")[2], secrets) if host is not None else None
            if host is not None and made is not None and host not in seen:
                seen.add(host)
                yield made
    yield from _statsd(system)


def _known(view: ServiceView, host: str, port: str, secrets: Secrets) -> Container | None:
    if view.spec.kind == "pushgateway":
        # What jobs have pushed must outlive the container: nobody pushes it again.
        return Container(
            host, "pushgateway", view.origin,
            command=[f"--web.listen-address=:{port}", "--persistence.file=/pushgateway/metrics"],
            data=[(f"{host}-data", "/pushgateway")], ports=[f"{port}:{port}"], health=_wget(port),
        )  # fmt: skip
    if "exporter" not in host:
        return None
    origin = view.origin
    if view.spec.kind == "mysql":
        config = secrets.named(f"/run/secrets/{host}.my.cnf")
        command = [f"--web.listen-address=:{port}", f"--config.my-cnf={config.path}"]
        return Container(host, "mysql", origin, command=command, secrets=[config], health=_wget(port))
    if view.spec.kind == "redis":
        # Address and login are the deployment's: REDIS_ADDR in the environment or in .env beside compose.yaml.
        address = {"environment": {"REDIS_ADDR": "${REDIS_ADDR:-redis://redis:6379}"}}
        return Container(
            host, "redis", origin, command=[f"--web.listen-address=:{port}"], health=_wget(port), extra=address
        )
    if view.spec.kind == "node":
        command = [f"--web.listen-address=:{port}", "--path.rootfs=/host"]
        return Container(host, "node", origin, command=command, health=_wget(port), extra=_HOST_VIEW)
    return None


# node_exporter's README, "Docker": it must see the host's file systems and processes, but changes neither.
_HOST_VIEW = {
    "pid": "host",
    "volumes": [
        {"type": "bind", "source": "/", "target": "/host", "read_only": True, "bind": {"propagation": "rslave"}}
    ],
}


def _blackbox(system: System, host: str, probe: Probe) -> Container:
    port = probe.exporter.rpartition(":")[2]
    probes = [v.spec.scrape.probe for v in system.services.values() if v.spec.scrape and v.spec.scrape.probe]
    # Raw sockets are what an ICMP probe is made of, and nothing else here needs them.
    extra = {"cap_add": ["NET_RAW"]} if any(p.module.startswith("icmp") for p in probes) else {}
    return Container(
        host,
        "blackbox",
        probe.node.span,
        command=["--config.file=/etc/blackbox_exporter/config.yml", f"--web.listen-address=:{port}"],
        health=_wget(port),
        extra=extra,
    )


def _check_module(probe: Probe, report: Report) -> None:
    if probe.module not in BLACKBOX_MODULES:
        report.info(
            "compose/blackbox-module",
            f"the blackbox exporter of compose.yaml has no module `{probe.module}`",
            probe.at("module"),
            help=f"mount a configuration that has it, or use one of {', '.join(BLACKBOX_MODULES[:4])} …",
        )


def _statsd(system: System) -> Iterator[Container]:
    statsd = mapping.enabled(system)
    host = local_host(statsd.exporter) if statsd is not None else None
    if statsd is None or host is None:
        return
    web, lines = statsd.exporter.rpartition(":")[2], statsd.listen.rpartition(":")[2]
    yield Container(
        host,
        "statsd",
        statsd.node.span,
        command=[
            "--statsd.mapping-config=/etc/statsd/mapping.yml",
            f"--statsd.listen-udp=:{lines}",
            f"--statsd.listen-tcp=:{lines}",
            f"--web.listen-address=:{web}",
        ],
        mounts=[("statsd", "/etc/statsd")],
        ports=[f"{lines}:{lines}/udp", f"{lines}:{lines}/tcp"],
        health=_wget(web),
    )


def _wget(port: str) -> list[str]:
    return ["wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}/"]
