"""What a spec may already say but this version does not generate yet: said out loud, never skipped in silence."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report, Span
from monitoring_kit.resolve.system import System

_CODE = "mkit/deferred"


def report_deferred(system: System, report: Report) -> None:
    """One info diagnostic for each part of the spec that no file is generated from in this version."""


def _say(report: Report, message: str, span: Span) -> None:
    report.info(_CODE, message, span, help="nothing else depends on it; the rest of the spec is generated")
