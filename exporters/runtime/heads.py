"""The comment lines above a family's samples."""

from __future__ import annotations

from .names import escape_help
from .spec import MetricSpec, base_name


def head(spec: MetricSpec, openmetrics: bool) -> str:
    """The ``# HELP``, ``# TYPE`` and ``# UNIT`` lines of a family, without the last newline."""
    if not openmetrics:
        kind = "gauge" if spec.kind == "info" else spec.kind
        return f"# HELP {spec.name} {escape_help(spec.help)}\n# TYPE {spec.name} {kind}"
    name = base_name(spec)
    unit = f"# UNIT {name} {spec.unit}\n" if spec.unit else ""
    return f"# TYPE {name} {spec.kind}\n{unit}# HELP {name} {escape_help(spec.help, quotes=True)}"
