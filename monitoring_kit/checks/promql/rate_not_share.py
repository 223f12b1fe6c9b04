"""A rate of errors compared with what looks like a share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from monitoring_kit.checks.finding import INFO, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.printer import print_expr

CODE = "promql/rate-not-share"
_FAILED = re.compile(r"5|4\.|err|fail|bad", re.I)


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    limit = node.rhs
    if node.op not in (">", ">=") or not isinstance(limit, ast.Number) or not 0 < limit.value < 1:
        return
    inner = node.lhs
    while isinstance(inner, ast.Paren | ast.Aggregate):
        inner = inner.expr
    if not (
        isinstance(inner, ast.Call)
        and inner.func in ("rate", "irate")
        and isinstance(inner.args[0], ast.MatrixSelector)
    ):
        return
    source = subject.facts[inner][0]
    vector = inner.args[0].vector
    bad = [
        m
        for m in vector.matchers
        if m.op in ("=", "=~") and _FAILED.search(m.value) and m.name not in ("job", "service", "instance")
    ]
    if source.unit not in (None, "events/s") or not bad:
        return
    total = ast.VectorSelector(vector.name, tuple(m for m in vector.matchers if m not in bad), vector.offset, vector.at)
    window = subject.text[inner.args[0].range.span[0] : inner.args[0].range.span[1]] or subject.window
    by = subject.world.owner
    part = f"sum by ({by}) (rate({print_expr(vector)}[{window}]))"
    whole = f"sum by ({by}) (rate({print_expr(total)}[{window}]))"
    yield Finding(
        CODE, INFO, f"this is a number of events a second ({limit.value:g}/s of each series), not a share of {limit.value:.0%}",
        node.span, subject.instead(node.lhs.span, f"{part} / {whole}", "for a share, write"),
    )  # fmt: skip


CHECK = Check(CODE, ast.Binary, run)
