"""A panel whose unit is not the unit of what it shows."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/panel-unit"
# Grafana's unit ids by the unit of the value (npm @grafana/data, getValueFormats).
_FITS = {
    "seconds": frozenset(("s", "dtdurations", "clocks")),
    "bytes": frozenset(("bytes", "decbytes")),
    "ratio": frozenset(("percentunit",)),
    "seconds/s": frozenset(("percentunit", "short", "none", "")),
    "percent": frozenset(("percent",)),
    "bytes/s": frozenset(("Bps", "binBps", "decbytes", "bytes")),
    "timestamp": frozenset(
        ("dateTimeAsIso", "dateTimeAsUS", "dateTimeFromNow", "dateTimeAsLocal", "dateTimeAsSystem", "s")
    ),
}
_BEST = {
    "seconds": "s", "bytes": "bytes", "ratio": "percentunit", "seconds/s": "percentunit", "percent": "percent",
    "bytes/s": "Bps", "timestamp": "dateTimeAsIso",
}  # fmt: skip
_CHECKED = frozenset().union(*_FITS.values()) | {
    "ms",
    "µs",
    "ns",
    "m",
    "h",
    "d",
    "kbytes",
    "mbytes",
    "gbytes",
    "bps",
    "binbps",
    "bits",
    "celsius",
}


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    unit = subject.unit
    if unit is None or unit not in _CHECKED:
        return
    for source in subject.value:
        fits = _FITS.get(source.unit or "")
        if fits is None or unit in fits or source.const:
            continue
        best = _BEST[source.unit or ""]
        yield Finding(
            CODE, WARNING, f"the value is {_WORDS[source.unit or '']}, but the panel shows it as `{unit}`", (0, len(unit)),
            f"write `unit: {best}`, or leave it out: it is derived", notes=((node.span, _WORDS[source.unit or ""]),), field="unit",
        )  # fmt: skip
        return


_WORDS = {
    "seconds": "seconds", "bytes": "bytes", "ratio": "a ratio (0 to 1)", "seconds/s": "seconds per second, a share of time",
    "percent": "a percentage (0 to 100)", "bytes/s": "bytes per second", "timestamp": "seconds since 1970",
}  # fmt: skip
CHECK = Check(CODE, None, run, uses=frozenset(("panel",)))
