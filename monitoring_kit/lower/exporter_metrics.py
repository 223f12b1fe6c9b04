"""Declared metrics that do not go with the exporter at whose port their service is scraped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.resolve.exporters import ExporterView, serves_alone
from monitoring_kit.resolve.exposed import plain, spec_config
from monitoring_kit.resolve.system import System


def report_declaration(exporter: ExporterView, mistake: Any, span: Span, report: Report) -> None:
    """Report what the exporter finds wrong with the declaration at ``span``: its family is there already, or it cannot be."""
    if not mistake.clash:
        report.error("exporters/config", str(mistake.message), span)
        return
    off = ", or set `gpu: off` where no GPU is to be looked for" if "_gpu_" in mistake.path[1] else ""
    report.error(
        "exporters/declared-twice", str(mistake.message), span,
        help="remove the declaration if the exporter's own metric is meant: rules, panels and docs know it without one; "
        f"else give yours another name{off}",
    )  # fmt: skip


def report_uncollected(system: System, exporter: ExporterView, config: dict[str, Any], report: Report) -> None:
    """Report the metrics that are declared for the exporter's service and that nothing there can ever expose, at least not so."""
    if not serves_alone(system.spec, exporter):
        return
    known = system.registry.by_service.get(exporter.service, {})
    own = {spec.name: spec for spec in spec_config(exporter).exposed(exporter.block, plain(known))[0]}
    unread = {
        name: (info, info.span)
        for name, info in known.items()
        if info.span is not None and (name not in config["metrics"] or name not in own)
    }
    for name, (info, span) in unread.items():
        if name in own:
            there, mine = _shape(own[name].kind, own[name].label_names), _shape(info.type, info.labels)
            if there != mine:
                report.error(
                    "exporters/declared-twice", f"the {exporter.name} exporter itself makes `{name}`, {there}, not {mine}", span,
                    help="remove the declaration: rules, panels and docs know the exporter's own metrics without one",
                )  # fmt: skip
            continue
        if info.type == "summary":
            fix = "declare a histogram, for the exporter has no summaries"
        elif name in config["metrics"]:
            fix = f"give the {exporter.name} exporter a way in for the events that fill it: `ingest: {{unix: /run/mkit/ai.sock}}` or `ingest: {{http: true}}`"
        else:
            source = next(iter(config.get("sources") or {}), "...")
            fix = f"say where it comes from: `exporters: {{{exporter.name}: {{collect: {{{name}: {{source: {source}, sql: ...}}}}}}}}`"
        report.warning(
            "exporters/not-collected",
            f"`{exporter.service}` is scraped only at the {exporter.name} exporter, which never serves `{name}`: a rule on it can never fire",
            span, help=f"{fix}; or name the service that exposes it under `services`",
        )  # fmt: skip


def _shape(kind: str, labels: Iterable[str]) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(labels))
    return f"{'an' if kind == 'info' else 'a'} {kind} {f'by {names}' if names else 'without labels'}"
