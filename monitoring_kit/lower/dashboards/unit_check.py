"""Units that users name."""

from __future__ import annotations

from monitoring_kit.diagnostics import Fix, Report
from monitoring_kit.diagnostics.suggest import closest
from monitoring_kit.lower.dashboards.library import is_unit, library, unit_ids
from monitoring_kit.spec.platform import Panel

# What people write for units whose Grafana id is another word.
_MEANT = {"%": "percentunit", "seconds": "s", "requests/s": "reqps", "rps": "reqps", "req/s": "reqps", "bytes/s": "Bps"}


def panel_unit(report: Report, item: Panel) -> str | None:
    """The unit that a panel asks for. One that Grafana does not know is reported: it would be printed as a suffix."""
    if item.unit is None or is_unit(item.unit):
        return item.unit
    meant = _MEANT.get(item.unit) or library()["units"]["declared"].get(item.unit) or closest(item.unit, unit_ids())
    span = item.at("unit")
    report.error(
        "dashboards/unit", f"Grafana has no unit `{item.unit}`: it would print it behind every value", span,
        help=f"did you mean `{meant}`? For a word of your own write `suffix:{item.unit}`" if meant else f"for a word of your own write `suffix:{item.unit}`",
        fix=Fix(span, meant) if meant else None,
    )  # fmt: skip
    return None
