"""Findings: where, what, why, and how to mend it."""

from monitoring_kit.diagnostics.diagnostic import (
    Diagnostic,
    Fix,
    InternalError,
    Note,
    Report,
    Severity,
    Stop,
)
from monitoring_kit.diagnostics.span import Source, Span

__all__ = ["Diagnostic", "Fix", "InternalError", "Note", "Report", "Severity", "Source", "Span", "Stop"]
