"""Scrape jobs: one a service, named after it."""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.load.nodes import Mapping, Scalar
from monitoring_kit.lower.access import client_settings
from monitoring_kit.lower.discovery import Discovery, discover
from monitoring_kit.lower.limits import scrape_limits
from monitoring_kit.lower.native_histograms import histogram_keys
from monitoring_kit.lower.relabel import copy_label, set_label, written_rules
from monitoring_kit.lower.tree import Branch
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.services import Probe, Scrape

PROBE_PATH = "/probe"
_SECRET_PARAM = re.compile(r"(?i)(pass(word|wd)?|secret|token|api[_-]?key|credential)")


def scrape_job(system: System, view: ServiceView, report: Report) -> Branch | None:
    """The scrape configuration of a service; None for a service without ``scrape``.

    Every target carries the label ``service`` and the service's own labels: on static targets directly, otherwise set by
    relabeling after discovery, so that a discovered label cannot take their place.
    """
    scrape = view.spec.scrape
    if scrape is None:
        return None
    _check(view, scrape, report)
    labels = {conventions.SERVICE: view.name, **view.spec.labels}
    _check_probe(system, view, scrape, report)
    found = discover(scrape, report)
    prometheus = str(system.spec.compatibility.prometheus)
    return Branch(
        view.origin,
        {
            "job_name": view.job,
            "honor_labels": view.honors_labels or None,
            "scrape_interval": str(view.interval),
            "scrape_timeout": str(view.timeout),
            "metrics_path": _path(scrape),
            "scheme": scrape.scheme,
            "params": _params(scrape) or None,
            **histogram_keys(system, view, report),
            **client_settings(
                report, scrape.node.span, tls=scrape.tls, basic_auth=scrape.basic_auth, bearer_file=scrape.bearer_file
            ),
            **scrape_limits(system, view, {"job": view.job, **labels}),
            **_static(scrape, found, labels),
            **found.configs,
            "relabel_configs": _relabeling(scrape, found, labels, report, prometheus) or None,
            "metric_relabel_configs": [
                *(own_job(view.job) if view.honors_labels else ()),
                *written_rules(scrape, "metric_relabel", report, prometheus),
            ]
            or None,
        },
    )


def own_job(job: str) -> list[Branch]:
    """Where a target's own labels stay, what it calls ``job`` becomes ``exported_job``, as without ``honor_labels``: rules know a
    service's series by the job that is the service."""
    return [copy_label("job", "exported_job"), set_label("job", job)]


def probe_relabeling(probe: Probe) -> list[Branch]:
    """The target becomes the exporter's parameter and the instance; the exporter is what gets scraped.

    Source: prometheus/blackbox_exporter, README, "Prometheus Configuration".
    """
    return [
        Branch(source_labels=["__address__"], target_label="__param_target"),
        Branch(source_labels=["__param_target"], target_label="instance"),
        Branch(probe.node.span, target_label="__address__", replacement=probe.exporter),
    ]


def _static(scrape: Scrape, found: Discovery, labels: dict[str, str]) -> dict[str, list[Branch]]:
    if not scrape.targets:
        return {}
    own = {} if found.configs else {"labels": dict(labels)}
    return {"static_configs": [Branch(scrape.at("targets"), {"targets": list(scrape.targets), **own})]}


def _relabeling(
    scrape: Scrape, found: Discovery, labels: dict[str, str], report: Report, prometheus: str
) -> list[Branch]:
    rules = list(found.relabel)
    if found.configs:
        rules += [set_label(name, value) for name, value in labels.items()]
    rules += written_rules(scrape, "relabel", report, prometheus)
    return rules + (probe_relabeling(scrape.probe) if scrape.probe is not None else [])


def _path(scrape: Scrape) -> str:
    return PROBE_PATH if scrape.probe is not None and not scrape.has("path") else scrape.path


def _params(scrape: Scrape) -> dict[str, Any]:
    params = {name: list(values) for name, values in scrape.params.items()}
    if scrape.probe is not None:
        params.setdefault("module", [scrape.probe.module])
    return params


def _check_probe(system: System, view: ServiceView, scrape: Scrape, report: Report) -> None:
    knows = "probe_success" in system.registry.by_service.get(view.name, {})
    if scrape.probe is None and view.pack.probe:
        report.error(
            "scrape/probe", f"nothing probes `{view.name}`: its targets would be scraped themselves", scrape.node.span,
            help="add `probe: {exporter: blackbox-exporter:9115, module: http_2xx}`",
        )  # fmt: skip
    elif scrape.probe is not None and not knows:
        report.warning(
            "scrape/probe", f"a probe returns `probe_success` and its like, of which the kind `{view.spec.kind}` reads none: no alert would tell that `{view.name}` does not answer",
            view.spec.at("kind"), help="write kind: blackbox",
        )  # fmt: skip


def _check(view: ServiceView, scrape: Scrape, report: Report) -> None:
    sources = (scrape.targets, scrape.dns, scrape.http, scrape.file, scrape.kubernetes, scrape.docker, scrape.consul)
    written = scrape.node.get("targets")
    # One that is wrong has its own finding.
    tried = isinstance(written, (Scalar, Mapping)) or bool(getattr(written, "items", ()))
    if not any(sources) and not tried:
        report.error("scrape/no-targets", f"nothing says where `{view.name}` is", scrape.node.span,
                     help="add `targets: [host:port]` or a discovery (dns, http, file, kubernetes, docker, consul)")  # fmt: skip
    for index, target in enumerate(scrape.targets if scrape.probe is None else ()):
        if target.startswith(("http://", "https://")):
            scheme, _, rest = target.partition("://")
            host, _, path = rest.partition("/")
            report.error(
                "scrape/target", f"`{target}` is a URL, a target is `host:port`", scrape.at("targets", index=index),
                help=f"write targets: [\"{host}\"]" + (", scheme: https" if scheme == "https" else "") + (f", path: /{path}" if path else "") + "; or add `probe` to probe it from outside",
            )  # fmt: skip
        elif (port := target.rpartition(":")[2]).isdigit() and ":" in target and not 0 < int(port) < 65536:
            report.error(
                "scrape/target", f"`{target}` has no possible port", scrape.at("targets", index=index),
                help="a port is a number from 1 to 65535",
            )  # fmt: skip
    for name in scrape.params:
        if _SECRET_PARAM.search(name):
            report.error(
                "secrets/inline", f"the URL parameter `{name}` would show its value in /api/v1/targets and in logs",
                scrape.at("params"), secret=True, help="use `basic_auth` with `password_file`, or `bearer_file`",
            )  # fmt: skip
    for name in {conventions.SERVICE, "job", "instance"} & set(view.spec.labels):
        report.error(
            "scrape/reserved-label", f"the label `{name}` is set by mkit and Prometheus", view.spec.at("labels")
        )
