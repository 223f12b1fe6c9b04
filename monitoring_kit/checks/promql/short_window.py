"""A range that holds too few scrapes."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.spec.quantity import Duration

CODE = "promql/short-window"
# Of these, one sample gives nothing.
_TWO = frozenset(("rate", "irate", "increase", "deriv", "delta", "idelta", "predict_linear"))


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    matrix = node.args[0]
    if not isinstance(matrix, ast.MatrixSelector) or not isinstance(matrix.range, ast.Duration):
        return
    series = subject.facts[matrix][0].series
    if series is None or series.interval is None:
        return
    window, interval = matrix.range.ms, series.interval
    if window >= 4 * interval:
        return
    wanted = str(Duration(max(4 * interval, 60_000)))
    span = matrix.range.span
    scraped = f"`{series.name}` is scraped every {Duration(interval)}"
    if window <= interval:
        text, severity = (
            f"{scraped}: {Duration(int(window))} never hold the two samples that `{node.func}` needs",
            ERROR,
        )
    else:
        text, severity = (
            f"{scraped}: one lost scrape leaves `{node.func}` over {Duration(int(window))} without a result",
            WARNING,
        )
    yield Finding(
        CODE, severity, text, span, subject.instead(span, wanted, "four scrapes or more:"), fix=(span, wanted)
    )


CHECK = Check(CODE, ast.Call, run, _TWO)
