"""``compose.yaml``: the whole stack for one machine, in the Compose Specification's format."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.compose import servers
from monitoring_kit.lower.compose.container import Container, images
from monitoring_kit.lower.compose.exporters import exporters
from monitoring_kit.lower.compose.own import own_exporters
from monitoring_kit.lower.compose.page import compose_page
from monitoring_kit.lower.compose.secrets import Secrets
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System
from monitoring_kit.targets import parse_version

__all__ = ["lower_compose"]


def lower_compose(system: System, model: Model, report: Report) -> list[OutFile]:
    """``compose.yaml`` and ``docs/compose.md``.

    Containers get the names that the spec's addresses use; a server whose address is no plain name (an IP address, a domain)
    runs elsewhere and gets none. The services that are watched are not part of it: they join its network.
    """
    secrets = Secrets()
    containers = [
        *servers.alertmanager(system, secrets),
        *servers.prometheus(system, secrets),
        servers.grafana(system, secrets),
        *servers.influx(system),
        *exporters(system, secrets, report),
        *own_exporters(system, secrets, report),
    ]
    _check_names(system, containers, report)
    _check_versions(system, report)
    network = f"{conventions.slug(system.name)}-monitoring"
    volumes = sorted({volume for c in containers for volume, _ in c.data})
    tree = Branch(
        system.spec.at("system"),
        {
            "name": network,
            "services": {c.name: c.tree() for c in containers},
            "networks": {"default": {"name": network}},
            "volumes": {name: {} for name in volumes},
            "secrets": {s.name: {"file": f"${{MKIT_SECRETS:-./secrets}}/{s.name}"} for s in secrets.all()},
        },
    )
    page = compose_page(containers, secrets, network)
    return [
        OutFile(conventions.COMPOSE, "yaml", tree),
        OutFile(conventions.DOCS_COMPOSE, "text", page),
    ]


def _check_versions(system: System, report: Report) -> None:
    wanted = system.spec.compatibility
    for product in ("prometheus", "alertmanager", "grafana"):
        version = images()[product]["image"].rpartition(":")[2]
        if parse_version(getattr(wanted, product)) > parse_version(version):
            report.warning(
                "compose/version",
                f"compose.yaml runs {product} {version}, older than the {getattr(wanted, product)} that the spec asks for",
                wanted.at(product),
                help="its files may use what that version lacks; run a newer image in an override file",
            )


def _check_names(system: System, containers: list[Container], report: Report) -> None:
    seen: set[str] = set()
    for container in containers:
        if container.name in seen:
            report.warning(
                "compose/name",
                f"two containers of compose.yaml would be called `{container.name}`",
                container.origin or system.spec.at("system"),
                help="give one of them another host name in the spec",
            )
        seen.add(container.name)
