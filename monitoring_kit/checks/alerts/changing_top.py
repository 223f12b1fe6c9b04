"""topk in an alert: a series that leaves the top resolves its alert."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "alerts/changing-top"


def run(node: ast.Aggregate, subject: Subject) -> Iterable[Finding]:
    above = subject.parent(node)
    while above is not None:
        if isinstance(above, ast.Aggregate) and above.op not in ("topk", "bottomk"):
            return
        above = subject.parent(above)
    yield Finding(
        CODE, WARNING, f"which series `{node.op}` returns changes from one evaluation to the next: their alerts start over and flap", node.op_span,
        "alert on a threshold alone; show the top in a panel",
    )  # fmt: skip


CHECK = Check(CODE, ast.Aggregate, run, frozenset(("topk", "bottomk", "limitk", "limit_ratio")), frozenset(("alert",)))
