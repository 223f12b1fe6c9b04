"""A selector with matchers of one label that no value satisfies together."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.checks.routing import matchers
from monitoring_kit.diagnostics import Span
from monitoring_kit.promql import ast
from monitoring_kit.promql.literals import quote

CODE = "promql/contradictory-matchers"
_NOWHERE = Span("")


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    if len({m.name for m in node.matchers}) == len(node.matchers):
        return
    # What holds a variable of Grafana may be anything.
    known = [matchers.Matcher(m.name, m.op, m.value, _NOWHERE) for m in node.matchers if "$" not in m.value]
    found = matchers.contradiction([m for m in known if sum(m.label == other.label for other in known) > 1])
    if found is None:
        return
    label = found[0].label
    own = [m for m in node.matchers if m.name == label and "$" not in m.value]
    values = list(dict.fromkeys(m.value for m in own if m.op == "="))
    either = len(values) == len(own) and all(value.replace("_", "").replace("-", "").isalnum() for value in values)
    yield Finding(
        CODE,
        ERROR,
        f"no value of `{label}` satisfies {' and '.join(f'`{m.name}{m.op}{quote(m.value)}`' for m in own)}: nothing is selected",
        own[-1].span,
        f"to select either, write `{label}=~{quote('|'.join(values))}`" if either else "remove one of them",
    )


CHECK = Check(CODE, ast.VectorSelector, run)
