"""histogram_quantile of something that holds no buckets, has lost `le`, or with a quantile that is none."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/quantile-input"
_QUANTILES = frozenset(("histogram_quantile", "quantile_over_time"))


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    phi = node.args[0]
    if isinstance(phi, ast.Number) and not 0 <= phi.value <= 1:
        wanted = f"{phi.value / 100:g}" if 1 < phi.value <= 100 else "0.95"
        result = "+Inf" if phi.value > 1 else "-Inf"
        yield Finding(
            CODE, ERROR, f"the quantile {phi.value:g} is not between 0 and 1: the result is always {result}", phi.span,
            subject.instead(phi.span, wanted), fix=(phi.span, wanted),
        )  # fmt: skip
    if node.func != "histogram_quantile":
        return
    for source in subject.facts[node.args[1]]:
        if source.kind == "native" or source.dead or source.const:
            continue
        why = source.why_not("le")
        series = source.series
        if series is not None and series.kind in ("counter", "gauge", "summary", "rate") and why is not None:
            base = series.name.removesuffix("_count").removesuffix("_sum")
            buckets = subject.world.family(base) == "histogram"
            yield Finding(
                CODE, ERROR if series.declared else WARNING,
                f"`{series.name}` holds no buckets (it has no label `le`): histogram_quantile returns nothing",
                node.args[1].span, _bucketed(node, subject, series.name, f"{base}_bucket") if buckets else "give it the rate of a histogram's `_bucket` series",
            )  # fmt: skip
            return
        if why is not None:
            aggregate = _lost(node.args[1])
            help_ = "keep `le` in the aggregation"
            fix = None
            if aggregate is not None and aggregate.grouping_span and not aggregate.without:
                span = aggregate.grouping_span
                text = f"by ({', '.join(('le', *aggregate.grouping))})"
                help_, fix = subject.instead(span, text), (span, text)
            elif aggregate is not None and not aggregate.without:
                span = aggregate.op_span
                help_, fix = subject.instead(span, f"{aggregate.op} by (le)"), (span, f"{aggregate.op} by (le)")
            yield Finding(
                CODE, ERROR, "the buckets have lost their label `le`: histogram_quantile returns nothing", node.args[1].span,
                help_, notes=((why.span, why.text),), fix=fix,
            )  # fmt: skip
            return


def _lost(expr: ast.Expr) -> ast.Aggregate | None:
    while isinstance(expr, ast.Paren):
        expr = expr.expr
    return expr if isinstance(expr, ast.Aggregate) else None


def _bucketed(node: ast.Call, subject: Subject, name: str, bucket: str) -> str:
    start = subject.text.find(name, *node.args[1].span)
    whole = subject.text[:start] + bucket + subject.text[start + len(name) :] if start >= 0 else ""
    return f"write `{' '.join(whole.split())}`, with `le` kept in the aggregation" if whole else f"use `{bucket}`"


CHECK = Check(CODE, ast.Call, run, _QUANTILES)
