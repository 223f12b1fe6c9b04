"""deriv, delta and predict_linear of a counter: wrong across a restart."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/slope-of-counter"
_INSTEAD = {"deriv": "rate", "delta": "increase", "idelta": "increase"}


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    for source in subject.facts[node.args[0]]:
        series = source.series
        if source.kind not in ("counter", "bucket") or series is None:
            continue
        better = _INSTEAD.get(node.func)
        yield Finding(
            CODE, WARNING, f"`{series.name}` is a counter: after a restart `{node.func}` sees a steep fall that never happened",
            node.span, subject.instead(node.func_span, better) if better else "predict a gauge, or the rate of the counter",
            fix=(node.func_span, better) if better else None,
        )  # fmt: skip
        return


CHECK = Check(CODE, ast.Call, run, frozenset(("deriv", "delta", "idelta", "predict_linear")))
