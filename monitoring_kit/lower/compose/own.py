"""mkit's own exporters, business and AI, in images that are built from the project's Dockerfiles."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.compose.container import Container
from monitoring_kit.lower.compose.secrets import Secret, Secrets
from monitoring_kit.lower.compose.servers import local_host
from monitoring_kit.lower.exporters import configuration
from monitoring_kit.resolve.exporters import DEFAULT_PORTS, ExporterView, port_of
from monitoring_kit.resolve.system import System

CONFIG_FOLDER = "/etc/mkit"
STATE_FOLDER = "/var/lib/mkit"
# What the exporter writes itself, and so is no secret that somebody must bring.
_OWN_FILES = ("state_file",)


def own_exporters(system: System, secrets: Secrets, report: Report) -> Iterator[Container]:
    """A container for each exporter of the spec that is scraped under a plain name; others run elsewhere."""
    for exporter in system.exporters:
        port = str(port_of(exporter.block.get("listen"), DEFAULT_PORTS[exporter.name]))
        host = _host(system, exporter, port)
        if host is None:
            report.info(
                "compose/exporter",
                f"compose.yaml does not run the {exporter.name} exporter: no target of `{exporter.service}` at port {port} is a plain name",
                system.services[exporter.service].origin,
                help=f"scrape `{exporter.name}-exporter:{port}` to have it in the stack",
            )
            continue
        config = configuration(system, exporter)
        if config is not None:
            yield _container(exporter, host, port, config, secrets)


def _host(system: System, exporter: ExporterView, port: str) -> str | None:
    scrape = system.services[exporter.service].spec.scrape
    targets = scrape.targets if scrape is not None else ()
    hosts = (local_host(target) for target in targets if target.rpartition(":")[2] == port)
    return next((host for host in hosts if host is not None), None)


def _container(exporter: ExporterView, host: str, port: str, config: dict[str, Any], secrets: Secrets) -> Container:
    data = [(f"{host}-state", STATE_FOLDER)]
    socket = (config.get("ingest") or {}).get("unix")
    if socket:
        data.append((f"{host}-socket", posixpath.dirname(socket)))
    return Container(
        host,
        exporter.name,
        exporter.node.span,
        command=[f"--config={CONFIG_FOLDER}/{exporter.name}.yaml", f"--web.listen-address=:{port}"],
        mounts=[("exporters", CONFIG_FOLDER)],
        data=data,
        secrets=_secrets(config, secrets),
        health=["/opt/mkit/bin/python", "-m", f"monitoring_kit.exporters.{exporter.name}.health", f"http://127.0.0.1:{port}/-/healthy"],
        # The image is built here: a pull would ask a registry for a name that anybody could have taken there.
        extra={"pull_policy": "never", "stop_grace_period": "15s"},
    )  # fmt: skip


def _secrets(config: dict[str, Any], secrets: Secrets) -> list[Secret]:
    wanted = dict.fromkeys(posixpath.normpath(path) for path in _files(config) if not _mounted(path))
    return [secrets.named(path) for path in wanted]


def _mounted(path: str) -> bool:
    return path.startswith((f"{CONFIG_FOLDER}/", f"{STATE_FOLDER}/"))


def _files(value: Any) -> Iterator[str]:
    """The files that a configuration reads: all values of keys that end in ``_file``, and all below ``..._files``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if str(key).endswith("_file") and isinstance(inner, str):
                if key not in _OWN_FILES:
                    yield inner
            elif str(key).endswith("_files") and isinstance(inner, dict):
                yield from (file for file in inner.values() if isinstance(file, str))
            else:
                yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)


def build_lines(containers: list[Container]) -> list[str]:
    """The commands that build the images of mkit's own exporters, for those that are there."""
    return [
        f"docker build -f exporters/{c.image}/Dockerfile -t {c.image_name} ."
        for c in containers
        if c.image in DEFAULT_PORTS
    ]
