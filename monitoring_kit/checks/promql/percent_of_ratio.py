"""A ratio compared with a percentage, or the other way round."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/percent-of-ratio"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    limit = node.rhs
    if node.op not in ast.COMPARISONS or not isinstance(limit, ast.Number):
        return
    source = subject.facts[node.lhs][0]
    if source.unit == "ratio" and 1 < limit.value <= 100 and source.high > 1:
        series = source.series
        if series is None and limit.value < 2:
            return
        declared = series is not None and series.declared and limit.value >= 2
        what = f"`{series.name}` is a ratio" if series is not None else "this is a ratio"
        always = node.op in ("<", "<=", "!=")
        wanted = f"{limit.value / 100:.6g}"
        yield Finding(
            CODE, ERROR if declared else WARNING,
            f"{what}, 1 means 100 %: compared with {limit.value:g} it is {'always' if always else 'never'} true", node.span,
            subject.instead(limit.span, wanted, f"{limit.value:g} % is written"), fix=(limit.span, wanted),
        )  # fmt: skip
    elif source.unit == "percent" and 0 < limit.value < 1 and source.series is None:
        wanted = f"{limit.value * 100:.6g}"
        yield Finding(
            CODE, WARNING, f"this is a percentage, from 0 to 100: {limit.value:g} means {limit.value:g} %", node.span,
            subject.instead(limit.span, wanted, "if a share is meant, write"),
        )  # fmt: skip
    elif source.unit == "bytes" and 0 < limit.value <= 100 and node.op not in ("==", "!="):
        yield Finding(
            CODE, WARNING, f"this is a number of bytes, compared with {limit.value:g} bytes", node.span,
            "divide by what there is for a share, or write the size out, e.g. `> 500e6`",
        )  # fmt: skip


CHECK = Check(CODE, ast.Binary, run)
