"""Service discovery: the ``*_sd_configs`` of a scrape job and the relabeling that makes targets of what they find.

Field and meta label names: Prometheus' configuration reference, sections ``<kubernetes_sd_config>``, ``<dns_sd_config>``,
``<docker_sd_config>``, ``<consul_sd_config>``, ``<http_sd_config>`` and ``<file_sd_config>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.access import client_settings
from monitoring_kit.lower.relabel import copy_label, drop, keep
from monitoring_kit.lower.tree import Branch
from monitoring_kit.spec.services import Consul, Dns, Docker, FileDiscovery, HttpDiscovery, Kubernetes, Scrape


@dataclass(frozen=True, slots=True)
class Discovery:
    """What finds a job's targets: configurations by Prometheus' key, and relabeling that comes before all other."""

    configs: dict[str, list[Branch]] = field(default_factory=dict)
    relabel: list[Branch] = field(default_factory=list)


def discover(scrape: Scrape, report: Report) -> Discovery:
    """All discovery of a scrape; several kinds may stand side by side, their targets are scraped alike."""
    found = Discovery()
    makers: list[tuple[str, Any, Callable[[Any, Report], tuple[Branch, list[Branch]]]]] = [
        ("file_sd_configs", scrape.file, _file),
        ("dns_sd_configs", scrape.dns, _dns),
        ("http_sd_configs", scrape.http, _http),
        ("kubernetes_sd_configs", scrape.kubernetes, _kubernetes),
        ("docker_sd_configs", scrape.docker, _docker),
        ("consul_sd_configs", scrape.consul, _consul),
    ]
    for name, record, make in makers:
        if record is not None:
            config, rules = make(record, report)
            found.configs[name] = [config]
            found.relabel.extend(rules)
    _one_relabeling(scrape, found, report)
    return found


def _one_relabeling(scrape: Scrape, found: Discovery, report: Report) -> None:
    """Rules that keep targets by a meta label of one discovery would drop every target of another."""
    if len(found.configs) + bool(scrape.targets) > 1 and any(rule.get("action") == "keep" for rule in found.relabel):
        report.error(
            "scrape/mixed-discovery",
            "a discovery that picks its targets by port or tag cannot share a job with other targets: they would be dropped",
            scrape.node.span,
            help="make a service of each, or leave `port` out",
        )


def _file(record: FileDiscovery, report: Report) -> tuple[Branch, list[Branch]]:
    for index, path in enumerate(record.files):
        # discovery/file/file.go, patFileSDName: a glob in the last path element only, and one of these endings.
        if not re.fullmatch(r"[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)", path):
            report.error(
                "scrape/file-discovery", f"`{path}` is no file name that Prometheus reads targets from",
                record.at("files", index=index), help="it ends in .json, .yml or .yaml and has a `*` in its last part only",
            )  # fmt: skip
    return Branch(record.node.span, files=list(record.files), refresh_interval=str(record.refresh_interval)), []


def _dns(record: Dns, report: Report) -> tuple[Branch, list[Branch]]:
    if record.type != "SRV" and record.port is None:
        report.error(
            "scrape/dns-port", f"an {record.type} record holds no port", record.at("type"), help="add `port: 8080`"
        )
    config = Branch(
        record.node.span,
        names=list(record.names),
        type=record.type,
        port=record.port if record.type != "SRV" else None,
        refresh_interval=str(record.refresh_interval),
    )
    return config, []


def _http(record: HttpDiscovery, report: Report) -> tuple[Branch, list[Branch]]:
    return Branch(record.node.span, url=record.url, refresh_interval=str(record.refresh_interval)), []


# Where each role tells the port's name and its number; "" means that the role has no such label.
_KUBERNETES_PORTS = {
    "pod": ("__meta_kubernetes_pod_container_port_name", "__meta_kubernetes_pod_container_port_number"),
    "service": ("__meta_kubernetes_service_port_name", "__meta_kubernetes_service_port_number"),
    "endpoints": ("__meta_kubernetes_endpoint_port_name", ""),
    "endpointslice": ("__meta_kubernetes_endpointslice_port_name", "__meta_kubernetes_endpointslice_port"),
}
_KUBERNETES_LABELS = {
    "pod": ("namespace", "pod_name"),
    "service": ("namespace", "service_name"),
    "endpoints": ("namespace", "pod_name"),
    "endpointslice": ("namespace", "pod_name"),
    "ingress": ("namespace", "ingress_name"),
    "node": ("node_name",),
}
_PLAIN_NAMES = {"pod_name": "pod", "node_name": "node", "ingress_name": "ingress", "service_name": "kubernetes_service"}


def _kubernetes(record: Kubernetes, report: Report) -> tuple[Branch, list[Branch]]:
    config = Branch(
        record.node.span,
        role=record.role,
        namespaces=Branch(record.node.span, names=list(record.namespaces)) if record.namespaces else None,
        selectors=[Branch(role=record.role, label=record.selector)] if record.selector else None,
    )
    rules = [drop("__meta_kubernetes_pod_phase", "Succeeded|Failed")] if record.role == "pod" else []
    if record.port is not None:
        rules.extend(_kubernetes_port(record, record.port, report))
    for meta in _KUBERNETES_LABELS[record.role]:
        rules.append(copy_label(f"__meta_kubernetes_{meta}", _PLAIN_NAMES.get(meta, meta)))
    return config, rules


def _kubernetes_port(record: Kubernetes, port: str, report: Report) -> list[Branch]:
    if record.role not in _KUBERNETES_PORTS:
        report.error(
            "scrape/kubernetes-port", f"the role `{record.role}` has no ports to choose from", record.at("port"),
            help="leave `port` out, or use the role pod, service, endpoints or endpointslice",
        )  # fmt: skip
        return []
    name, number = _KUBERNETES_PORTS[record.role]
    if not port.isdecimal():
        return [keep(name, re.escape(port).replace(r"\-", "-"))]
    return [keep(number, port) if number else keep("__address__", rf".+:{port}")]


def _docker(record: Docker, report: Report) -> tuple[Branch, list[Branch]]:
    filters = [Branch(name=name, values=list(values)) for name, values in sorted(record.filters.items())]
    config = Branch(record.node.span, host=record.host, port=record.port, filters=filters or None)
    # Only containers on the host's network take `port`; the others appear once a published port and are picked here.
    rules = [keep("__address__", rf".+:{record.port}")] if record.port is not None else []
    name = Branch(source_labels=["__meta_docker_container_name"], regex="/?(.+)", target_label="container")
    return config, [*rules, name]


def _consul(record: Consul, report: Report) -> tuple[Branch, list[Branch]]:
    config = Branch(
        record.node.span,
        {
            "server": record.server,
            "services": list(record.services) or None,
            "tags": list(record.tags) or None,
            **client_settings(report, record.node.span, bearer_file=record.token_file),
        },
    )
    return config, [copy_label("__meta_consul_node", "node")]
