"""A rule that is evaluated more often than what it reads is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_kit.diagnostics import Diagnostic, Note, Span
from monitoring_kit.diagnostics.diagnostic import Severity
from monitoring_kit.lint.rule_files import FileGroup, FileRule, names_read
from monitoring_kit.promql.literals import format_duration
from monitoring_kit.promql.walk import metric_name, selectors

CODE = "rules/lag"


def run(groups: list[FileGroup]) -> Iterator[Diagnostic]:
    """A rule that is evaluated more often than what it reads is recorded."""
    homes: dict[str, list[tuple[FileGroup, FileRule]]] = {}
    for group in groups:
        for rule in group.rules:
            if rule.kind == "record":
                homes.setdefault(rule.name, []).append((group, rule))
    for group in groups:
        for rule in group.rules:
            for name in sorted(names_read(rule) & homes.keys()):
                home, recorded = homes[name][0]
                if any(h is group for h, _ in homes[name]) or not home.interval_ms or not group.interval_ms:
                    continue
                if home.interval_ms > group.interval_ms:
                    yield Diagnostic(
                        CODE, Severity.INFO,
                        f"`{name}` is recorded every {format_duration(home.interval_ms)}, but this rule is evaluated every {format_duration(group.interval_ms)}: it sees each value several times",
                        _where(rule, name), "give both groups the same interval", (Note(recorded.place.fields["record"].span, "recorded here"),),
                    )  # fmt: skip


def _where(rule: FileRule, name: str) -> Span:
    for node in selectors(rule.expr):  # type: ignore[arg-type]
        if metric_name(node) == name:
            return rule.place.at("expr", node.span[0], node.span[0] + len(name) if node.name == name else node.span[1])
    return rule.place.whole
