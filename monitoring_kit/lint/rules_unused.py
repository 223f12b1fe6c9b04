"""A recording rule that no rule and no dashboard reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring_kit.diagnostics import Diagnostic
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint.rule_files import FileGroup, names_read
from monitoring_kit.promql import Expr
from monitoring_kit.promql.walk import metric_name, selectors

CODE = "rules/unused"


def run(groups: list[FileGroup], panels: Iterable[Expr] | None) -> Iterator[Diagnostic]:
    """Only with dashboards: without them nobody knows who reads a record."""
    if panels is None:
        return
    used = {name for group in groups for rule in group.rules for name in names_read(rule) if name != rule.name}
    loose = False
    for expr in panels:
        for node in selectors(expr):
            name = metric_name(node)
            if name is None or "$" in name:
                loose = True  # a variable or a pattern can select any name
            else:
                used.add(name)
    if loose:
        return
    seen: set[str] = set()
    for group in groups:
        for rule in group.rules:
            if rule.kind == "record" and rule.name not in used and rule.name not in seen:
                seen.add(rule.name)
                yield Diagnostic(
                    CODE, Severity.INFO, f"no rule and no dashboard reads `{rule.name}`", rule.place.fields["record"].span,
                    "remove the rule if nothing else (an API, a federation) reads it",
                )  # fmt: skip
