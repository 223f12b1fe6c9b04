"""A rule that is there twice."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_kit.diagnostics import Diagnostic, Note
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint.rule_files import FileGroup, FileRule
from monitoring_kit.promql import print_expr

CODE = "rules/duplicate"


def run(groups: list[FileGroup]) -> Iterator[Diagnostic]:
    seen: dict[tuple[object, ...], FileRule] = {}
    for group in groups:
        for rule in group.rules:
            if rule.expr is None:
                continue
            key = (rule.kind, rule.name, tuple(sorted(rule.labels.items())), print_expr(rule.expr), rule.for_ms)
            first = seen.setdefault(key, rule)
            if first is not rule:
                yield Diagnostic(
                    CODE, Severity.WARNING, f"the same rule `{rule.name}` is there twice", rule.place.fields[rule.kind].span,
                    "remove one of them", (Note(first.place.fields[first.kind].span, "the first one"),),
                )  # fmt: skip
