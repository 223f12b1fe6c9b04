"""What a spec may already say but this version does not generate yet: said out loud, never skipped in silence."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.resolve.system import System

_CODE = "mkit/deferred"


def report_deferred(system: System, report: Report) -> None:
    """One info diagnostic for each part of the spec that no file is generated from in this version."""
    for view in system.services.values():
        if view.spec.slos:
            names = ", ".join(view.spec.slos)
            _say(
                report,
                f"the SLOs of `{view.name}` ({names}) are checked, but no burn-rate rules are generated yet",
                view.spec.at("slos"),
            )
    exporters = system.spec.exporters
    if exporters is not None:
        for name in ("ai",):
            if getattr(exporters, name) is not None:
                _say(report, f"the configuration of the {name} exporter is not generated yet", exporters.at(name))


def _say(report: Report, message: str, span: Span) -> None:
    report.info(_CODE, message, span, help="nothing else depends on it; the rest of the spec is generated")
